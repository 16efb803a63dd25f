"""A batch of one file in a process that is killed at its n-th dealing with a file: reading, writing, giving a name, all alike."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from headrace.batch import Asked, Chunk, Opened, Ready, Scored, Stretch, here
from headrace.batch import folder as kept
from headrace.batch import target as targets
from headrace.batch.run import Job, carry_out
from headrace.hooks import Answers, Input, Signature

WATCHED = frozenset({"open", "os.rename", "os.truncate", "os.remove", "os.mkdir", "os.rmdir", "shutil.rmtree"})


class Half:
    """A model that halves: 0 to 2 become 0 to 1, and nothing else has an answer."""

    def predict(self, matrix: Any) -> Any:
        return matrix[:, 0] / 2


def ready(table: Any, chunk: Chunk) -> Ready:
    faults = np.full(chunk.rows, None, dtype=object)
    return Ready(table.to_pandas()[["x"]], table["id"].combine_chunks(), faults)


@dataclass(frozen=True)
class Opening:
    """How a process comes by `Half`."""

    def columns(self) -> tuple[str, ...]:
        return ("id", "x")

    def __call__(self) -> Opened:
        return Opened(Half(), Signature((Input("x", "number"),)), Answers(), ready)


def job(folder: Path, rows: int, chunk: int, output: Path, kind: str) -> Job:
    """A job over the rows in `rows.parquet` of the folder; every seventh has no answer."""
    path = folder / "rows.parquet"
    frame = pd.DataFrame({"id": np.arange(rows), "x": np.where(np.arange(rows) % 7 == 3, 5.0, np.arange(rows) % 2)})
    frame.to_parquet(path, row_group_size=max(1, rows // 3))
    told = path.stat()
    made = Job(
        run_id="r",
        model="half",
        version=1,
        model_digest="sha256:0",
        input="rows",
        digests=(("rows", "sha256:1"),),
        stretches=(Stretch(str(path), rows, told.st_size, told.st_mtime_ns),),
        key="id",
        output=str(output),
        told=str(output),
        as_of="2026-01-01T00:00:00+00:00",
        chunk=chunk,
        max_bad=1.0,
        duplicates="refuse",
        overwrite=kind == "overwrite",
    )
    kept.write_job(folder / "run", made.to_json())
    return made


def run(made: Job, folder: Path) -> Scored:
    """The job, begun or taken up."""
    asked = Asked(str(folder / "run"), made.key, Opening())
    return carry_out(made, asked, here, targets.parse(folder, made.told), lambda _: None)


def kill_at(number: int) -> None:
    """From now on, let this process be killed when it deals with a file for the n-th time."""
    left = number

    def count(event: str, _: Any) -> None:
        nonlocal left
        if event in WATCHED:
            left -= 1
            if left < 0:
                os.kill(os.getpid(), signal.SIGKILL)

    sys.addaudithook(count)


def kill_within(file: str, number: int) -> None:
    """From now on, let this process be killed when code of a file calls for the n-th time something that is not written in Python."""
    left = number

    def count(frame: Any, event: str, _: Any) -> None:
        nonlocal left
        if event == "c_call" and frame.f_code.co_filename.endswith(file):
            left -= 1
            if left < 0:
                os.kill(os.getpid(), signal.SIGKILL)

    sys.setprofile(count)


def killed(made: Job, folder: Path, number: int) -> bool:
    """Run the job in a process of its own, to be killed at its n-th dealing with a file; whether it was."""
    return ended_by_kill(lambda: kill_at(number), lambda: run(made, folder))


def ended_by_kill(arm: Callable[[], None], work: Callable[[], object]) -> bool:
    """Do some work in a process of its own, once what is to kill it is in its place; whether it was killed."""
    child = os.fork()
    if child == 0:
        arm()
        try:
            work()
        finally:
            os._exit(0)
    _, status = os.waitpid(child, 0)
    return os.WIFSIGNALED(status)
