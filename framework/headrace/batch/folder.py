"""What a run keeps until its output stands: its job, its parts, and a manifest that grows by a line a part; all of it survives a kill."""

from __future__ import annotations

import hashlib
import json
import os
import secrets
import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from headrace.batch.values import Part
from headrace.diagnostics import Diagnostic, Exit, HeadraceError

KEPT = Path(".headrace") / "batch"
"""Where runs are, under the project's folder."""
JOB, MANIFEST, PUBLISHING = "job.json", "manifest.jsonl", "publishing.json"


def write_whole(path: Path, data: bytes) -> str:
    """Give a file its name once all of it is on the disk, and its digest; OSError where the disk is full."""
    beside = path.with_name(f".{path.name}.{secrets.token_hex(8)}")  # processes of two machines may have one number
    try:
        with beside.open("wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        beside.replace(path)
    finally:
        beside.unlink(missing_ok=True)
    settle(path.parent)
    return f"sha256:{hashlib.sha256(data).hexdigest()}"


def settle(folder: Path) -> None:
    """Let the names in a folder be on the disk, too."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def part(folder: Path, number: int) -> Path:
    """Where the answers of a chunk are."""
    return folder / f"part-{number:07d}.parquet"


def bad(folder: Path, number: int) -> Path:
    """Where the bad rows of a chunk are."""
    return folder / f"bad-{number:07d}.parquet"


def add(folder: Path, done: Part) -> None:
    """Write down that a part is there: a line of the manifest, at once and on the disk."""
    line = json.dumps(done.to_json(), sort_keys=True).encode() + b"\n"
    handle = os.open(folder / MANIFEST, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
    try:
        end = os.lseek(handle, 0, os.SEEK_END)
        if os.write(handle, line) != len(line):
            os.ftruncate(handle, end)
            raise OSError(28, "the manifest could not be written whole", str(folder / MANIFEST))
        os.fsync(handle)
    finally:
        os.close(handle)


def done(folder: Path) -> dict[int, Part]:
    """The parts that the manifest names, by number; a line that was cut short by a kill is taken off."""
    path = folder / MANIFEST
    if not path.exists():
        return {}
    data = path.read_bytes()
    whole = data[: data.rfind(b"\n") + 1]
    if whole != data:
        os.truncate(path, len(whole))
    found = (Part.from_json(json.loads(line)) for line in whole.splitlines())
    return {item.number: item for item in found}


def checked(path: Path, digest: str) -> bytes:
    """The bytes of a part; HeadraceError `artifact-altered` (exit 4) where they are not those that were written."""
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        data = b""
    if f"sha256:{hashlib.sha256(data).hexdigest()}" != digest:
        message = f"{path.name} of an unfinished batch is not what was written there"
        raise HeadraceError(Diagnostic("artifact-altered", message, help="begin anew with `--overwrite`"), Exit.REFUSED)
    return data


def write_job(folder: Path, job: Mapping[str, Any]) -> None:
    """Write down what a run does."""
    folder.mkdir(parents=True, exist_ok=True)
    write_whole(folder / JOB, json.dumps(job, indent=2, sort_keys=True).encode())


def unfinished(root: Path, output: str) -> Iterator[tuple[Path, dict[str, Any]]]:
    """The runs for an output that have no end yet, with their jobs."""
    for path in sorted((root / KEPT).glob(f"*/{JOB}")):
        job = json.loads(path.read_bytes())
        if job.get("output") == output:
            yield path.parent, job


def forget(folder: Path) -> None:
    """Remove all that a run kept; the job goes first, so that half of a folder is nobody's run."""
    (folder / JOB).unlink(missing_ok=True)
    shutil.rmtree(folder, ignore_errors=True)
