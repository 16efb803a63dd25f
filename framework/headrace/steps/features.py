"""What a generated `train` flow calls first: read the rows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from typing import Literal

from headrace import features
from headrace.features import Category, Number, RandomSplit, Rows, Target, TimeSplit
from headrace.features.joined import of_views
from headrace.hooks.release import reader_of, releases
from headrace.steps import run
from headrace.steps.workspace import workspace

__all__ = ["training_rows"]


def training_rows(
    *,
    model: str,
    source: str,
    entity: str,
    time: str,
    target: Target,
    inputs: Sequence[Number | Category],
    split: RandomSplit | TimeSplit,
    seed: int,
    keep: Literal["all", "newest"] = "all",
    as_of: datetime | None = None,
    cause: str | None = None,
) -> Rows:
    """The rows whose answers are known by `as_of` (the clock's now, if None); starts the run that answers `cause`."""
    with workspace("train") as w, run.running(w, model=model, flow="train", cause=cause, as_of=as_of) as step:
        read = [source, *(w.config.views[view].source for view in sorted(of_views(inputs)) if view in w.config.views)]
        checked = features.check(
            features.Origins(w.root, w.config.sources, w.plugins.readers), read, at=as_of if as_of is not None else w.store.clock.now()
        )
        step.details["checks"] = [
            {
                "source": item.source,
                "id": item.id,
                "passed": item.passed,
                "mode": item.mode,
                "said": "" if item.passed else features.tell(item),
            }
            for item in checked
        ]
        rows = features.training_rows(
            w.store,
            w.plugins.readers,
            root=w.root,
            sources=w.config.sources,
            views=w.config.views,
            model=model,
            run_id=step.id,
            source=source,
            entity=entity,
            time=time,
            target=target,
            inputs=inputs,
            split=split,
            seed=seed,
            keep=keep,
            as_of=as_of,
        )
        read = [source, *(w.config.views[view].source for view in of_views(inputs))]
        readers = [reader for name in read if (reader := reader_of(w.plugins, w.config.sources[name].uri)) is not None]
        rows = replace(rows, plugins=releases(w.plugins, [("reader", reader) for reader in readers]))
        step.details["rows"] = {
            "train": rows.train,
            "holdout": rows.holdout,
            "new": rows.new,
            "repeated": rows.repeated,
            "misfit": rows.misfit,
            "as_of": rows.as_of,
        }
        return rows
