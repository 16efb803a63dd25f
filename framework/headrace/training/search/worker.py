"""A process that evaluates trials one after another: asked on its standard input, answering on its standard output, one JSON a line.

Asked `{"params": {…}}`, it tells each fold as `{"fold": 0, "last": false, "values": […]}` and waits for `{"go": true}` or `{"go": false}`;
at the end comes `{"done": true}`, `{"pruned": true}` or `{"failed": "why"}`. It ends by itself when whoever started it is no more.
"""

from __future__ import annotations

import io
import json
import math
import os
import queue
import sys
import threading
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TextIO

from headrace.diagnostics import HeadraceError, Report
from headrace.hooks import Answers, Plugins, Signature, load_plugins
from headrace.training.apart import Calibrate, EarlyStopping
from headrace.training.fit import Sides, offered
from headrace.training.folds import Folds
from headrace.training.grouped import in_order, numbered, of_one_time
from headrace.training.make import Dealt, Keys, Recipe
from headrace.training.targets import classes_of
from headrace.transforms import Transformation


@dataclass(frozen=True, slots=True)
class Job:
    """All that a trial is evaluated by but its parameters; `rows` is the file of the snapshot."""

    rows: str
    root: str
    allow: list[str] | None
    deny: list[str]
    entity: str
    time: str
    target: str
    signature: list[dict[str, Any]]
    algorithm: str
    params: dict[str, Any]
    seed: int
    cv: Folds
    metrics: list[str]
    early_stopping: EarlyStopping | None
    calibrate: Calibrate | None
    transforms: list[Transformation]
    folds: Folds | None = None
    group: str | None = None

    def write(self, path: Path) -> None:
        """As JSON."""
        from pydantic import TypeAdapter

        path.write_bytes(TypeAdapter(Job).dump_json(self))

    @classmethod
    def read(cls, path: Path) -> Job:
        """What `write` wrote."""
        from pydantic import TypeAdapter

        return TypeAdapter(Job).validate_json(path.read_bytes())


class _NoValueError(Exception):
    """An objective has no value on a fold."""


def main(path: str) -> None:
    """Serve until the input ends."""
    answers = os.fdopen(os.dup(sys.stdout.fileno()), "w", encoding="utf-8", buffering=1)
    # What a plugin prints must not be taken for an answer.
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    asked: queue.Queue[dict[str, Any]] = queue.Queue()
    threading.Thread(target=_listen, args=(asked,), daemon=True).start()
    job = Job.read(Path(path))
    plugins = load_plugins(Path(job.root), Report(), allow=job.allow, deny=job.deny)
    dealt = dealt_rows(plugins, job)
    _say(answers, {"ready": True})
    while True:
        said = asked.get()
        _say(answers, _trial(plugins, job, dealt, said["params"], asked, answers))


def dealt_rows(plugins: Plugins, job: Job) -> Dealt:
    """The training side of the job's rows, dealt into its folds; the held-out side is not looked at."""
    import pandas as pd

    frame = in_order(pd.read_parquet(io.BytesIO(Path(job.rows).read_bytes())), job.group, entity=job.entity, time=job.time)
    training = frame[frame["side"] == "train"]
    signature = Signature.from_json(job.signature)
    task = offered(plugins, job.algorithm).task
    classes = classes_of(training[job.target]) if task == "multiclass" else ()
    matrix, target = signature.encode(training), Answers(task, classes).target(training[job.target])
    keys = Keys(job.group or job.entity, job.time, job.target)
    group = numbered(training[job.group]) if job.group is not None else None
    sides = Sides(matrix, target, matrix[:0], target[:0], classes, group)
    together = of_one_time(training, job.group, time=job.time)
    return Dealt.of(plugins, sides, together, keys, signature, how=job.cv, seed=job.seed)


def evaluated(plugins: Plugins, job: Job, dealt: Dealt, params: dict[str, Any], fold: int) -> list[float]:
    """The objectives on one fold, in order."""
    recipe = Recipe(job.algorithm, {**job.params, **params}, job.seed, job.early_stopping, job.calibrate, job.transforms, job.folds)
    found = dealt.evaluate(fold, recipe, {name: plugins.metrics[name] for name in job.metrics})
    values = [found.metrics.get(name) for name in job.metrics]
    for name, value in zip(job.metrics, values, strict=True):
        if value is None:
            raise _NoValueError(f"`{name}` has no value on fold {fold + 1}: {found.failed.get(name, 'it is not defined there')}")
    return [value for value in values if value is not None and math.isfinite(value)]


def _trial(  # noqa: PLR0917 - what a trial needs
    plugins: Plugins, job: Job, dealt: Dealt, params: dict[str, Any], asked: queue.Queue[dict[str, Any]], answers: TextIO
) -> dict[str, Any]:
    try:
        for fold in range(len(dealt.pairs)):
            last = fold + 1 == len(dealt.pairs)
            _say(answers, {"fold": fold, "last": last, "values": evaluated(plugins, job, dealt, params, fold)})
            if not asked.get()["go"]:
                return {"pruned": True}
    except HeadraceError as error:
        return {"failed": "; ".join(item.message for item in error.report)}
    except Exception as error:  # noqa: BLE001 - a plugin may raise anything, and the next trial is another one
        return {"failed": f"{type(error).__name__}: {error}"}
    return {"done": True}


def _say(answers: TextIO, message: dict[str, Any]) -> None:
    try:
        answers.write(json.dumps(message) + "\n")
        answers.flush()
    except OSError:
        os._exit(1)


def _listen(asked: queue.Queue[dict[str, Any]]) -> None:
    for line in sys.stdin:
        asked.put(json.loads(line))
    # Whoever asked is gone, and with it the study that an answer would go to.
    os._exit(1)


if __name__ == "__main__":
    main(sys.argv[1])
