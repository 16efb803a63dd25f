"""What a generated `train` flow calls first, which is to read the rows; and what one of a backfill's tasks calls."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Any, Literal

from headrace import features, registry
from headrace.features import Category, Number, RandomSplit, Rows, Target, Text, TimeSplit, checks, online
from headrace.features.joined import of_views
from headrace.features.online import backfill
from headrace.features.versions import named
from headrace.hooks import Task
from headrace.hooks.release import reader_of, releases
from headrace.steps import far, run
from headrace.steps.workspace import Workspace, workspace

__all__ = ["Days", "bring", "training_rows"]


def training_rows(
    *,
    model: str,
    source: str,
    entity: str,
    time: str,
    target: Target,
    inputs: Sequence[Number | Category | Text],
    split: RandomSplit | TimeSplit,
    seed: int,
    task: Task = "binary",
    group: str | None = None,
    keep: Literal["all", "newest"] = "all",
    as_of: datetime | None = None,
    cause: str | None = None,
) -> Rows:
    """The rows whose answers are known by `as_of` (the clock's now, if None); starts the run that answers `cause`."""
    with workspace("train") as w, run.running(w, model=model, flow="train", cause=cause, as_of=as_of) as step:
        read = [source, *(w.config.views[view].source for view in sorted(of_views(inputs)) if view in w.config.views)]
        with features.landed(features.Origins(w.root, w.config.sources, w.plugins.readers), read) as held:
            step.details["sources"] = _changed(w, model, held.digests)
            sources = {name: w.config.sources[name] for name in read if name in w.config.sources}
            moment = as_of if as_of is not None else w.store.clock.now()
            checked = features.check(held.origins, read, at=moment, trained=checks.trained(w.store, sources))
            step.details["checks"] = [_told(item) for item in checked]
            if (spread := checks.record(w.store, held.origins, list(sources), model)) is not None:
                step.details[checks.SPREAD] = spread
            rows = features.training_rows(
                w.store,
                w.plugins.readers,
                root=w.root,
                sources=held.origins.sources,
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
                task=task,
                group=group,
                keep=keep,
                as_of=as_of,
            )
        readers = [reader for name in read if (reader := reader_of(w.plugins, w.config.sources[name].uri)) is not None]
        through = releases(w.plugins, [("reader", reader) for reader in readers])
        rows = replace(rows, plugins=through, sources=dict(held.digests))
        step.details["views"] = _definitions(w, of_views(inputs))
        step.details["rows"] = {
            "train": rows.train,
            "holdout": rows.holdout,
            "new": rows.new,
            "repeated": rows.repeated,
            "misfit": rows.misfit,
            "as_of": rows.as_of,
        }
        return rows


def _definitions(w: Workspace, views: Iterable[str]) -> dict[str, str]:
    """The digest of each view's definition, by which the version that was applied is found."""
    configs = {name: w.config.views[name] for name in sorted(views) if name in w.config.views}
    return {name: named(view.definition(w.config.sources[view.source])) for name, view in configs.items()}


def _told(item: features.Checked) -> dict[str, Any]:
    """A check as a run records it."""
    said = features.tell(item) if item.told else ""
    return {"source": item.source, "id": item.id, "passed": item.passed, "mode": item.mode, "said": said}


def _changed(w: Workspace, model: str, digests: Mapping[str, str]) -> list[dict[str, Any]]:
    """What each source holds, and whether that is something else than the newest version was made of; None where that is not known."""
    with w.store.read() as session:
        made = registry.versions(session, model)
    before = made[-1].manifest.get("sources", {}) if made else {}
    return [
        {"source": name, "digest": digest, "changed": before[name] != digest if name in before else None}
        for name, digest in sorted(digests.items())
    ]


@dataclass(frozen=True, slots=True)
class Days:
    """Days of a view from one to another, both in it, such as 2017-01-31; `project` is its folder."""

    view: str
    first: str
    last: str
    project: str


def bring(days: Days) -> int:
    """Bring in some days of a view again; how many events they have. Done twice, or by two at once, they are the same."""
    with far.workspace_of(days.project, "backfill") as w:
        origins = features.Origins(w.root, w.config.sources, w.plugins.readers)
        definition = online.definition_of(origins, w.config.views, days.view)
        where = online.location(w.root, w.config.online)
        first, last = (date.fromisoformat(day).toordinal() - _EPOCH for day in (days.first, days.last))
        return backfill.bring_again(origins, definition, where, first, last)


_EPOCH = date(1970, 1, 1).toordinal()
