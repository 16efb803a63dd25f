"""A cluster of Dask as somebody starts one by its own commands: a scheduler at an address, and worker processes."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from headrace.local.prefect_server import free_port


@contextmanager
def running(folder: Path) -> Iterator[str]:
    """The address of a scheduler with a worker of two processes, in a folder that is not the project's."""
    at = f"tcp://127.0.0.1:{free_port()}"
    usual = ["--host", "127.0.0.1", "--no-dashboard"]
    with (folder / "log").open("w") as log:
        commands = [
            ["scheduler", *usual, "--port", at.rpartition(":")[2]],
            ["worker", at, "--nworkers", "2", "--nthreads", "1", *usual],
        ]
        started = [
            subprocess.Popen([sys.executable, "-m", "dask", *words], cwd=folder, stdout=log, stderr=log, start_new_session=True)
            for words in commands
        ]
        try:
            yield at
        finally:
            for process in reversed(started):
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()
