"""What a generated flow of a `kind: batch` calls: score every row of a source once."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from headrace.batch import Progress, Scored
from headrace.batch.run import CHUNK, MAX_BAD
from headrace.batch.values import Duplicates
from headrace.compiled import SourceConfig
from headrace.diagnostics import Diagnostic, Exit, HeadraceError
from headrace.features import Category, Number, Text
from headrace.steps import far
from headrace.steps.batch.carry import Order, scored
from headrace.steps.batch.input import Input
from headrace.steps.batch.rows import Asks, Column
from headrace.steps.workspace import workspace

if TYPE_CHECKING:
    from headrace.steps.dask_runner import Cluster

__all__ = ["score", "shown"]

LOG = logging.getLogger("headrace.steps")


def score(
    *,
    batch: str,
    model: str,
    source: str,
    key: str,
    inputs: Sequence[Number | Category | Text],
    path: str,
    table: str | None = None,
    entity: str | None = None,
    group: str | None = None,
    overwrite: bool = False,
    duplicates: Duplicates = "refuse",
    max_bad: float = MAX_BAD,
    chunk: int = CHUNK,
    workers: int = 1,
    runner: Cluster | None = None,
    cause: str | None = None,
    told: Callable[[float], object] | None = None,
) -> Scored:
    """Every row of the source, by the model's champion; a run of its own, or the one for the same output that was killed.

    `workers` of `runner` score, or so many processes of this machine. `told` is given the percentage that is done, at each whole one.
    HeadraceError `runner-store` where workers on other machines could not reach the version, and as `carry.scored`.
    """
    with workspace("batch") as w:
        if runner is not None:
            far.refuse(w.config.runner, w.config.environment, w.store.where)
        declared = w.config.sources.get(source)
        if declared is None:
            raise HeadraceError(Diagnostic("unknown-source", f"there is no source/{source}", help="type `headrace compile`"), Exit.INVALID)
        asks = {item.name: Asks(item.name, *_from(item, declared)) for item in inputs}
        own = [item.column.name for item in asks.values() if item.column is not None]
        names = dict.fromkeys([key, *own, *(name for name in (entity, group) if name is not None)])
        order = Order(
            model=model,
            input=Input(declared, source, f"source/{source}", tuple((name, declared.columns[name].from_) for name in names)),
            key=column(declared, key),
            inputs=asks,
            output=path,
            table=table,
            entity=column(declared, entity) if entity is not None else None,
            group=column(declared, group) if group is not None else None,
            flow=f"batch_{batch.replace('-', '_')}",
            cause=cause,
            chunk=chunk,
            max_bad=max_bad,
            duplicates=duplicates,
            overwrite=overwrite,
            unfinished="settle",
            workers=workers,
            runner=runner,
        )
        return scored(w, order, _whole(told))


def shown(create: Callable[..., Any], update: Callable[..., Any], *, key: str, description: str) -> Callable[[float], object]:
    """What tells a percentage to Prefect's page of the run, by its functions that make a progress artifact and change it."""
    artifact = create(0.0, key=key, description=description)
    return lambda percent: update(artifact, percent)


def column(source: SourceConfig, name: str) -> Column:
    """A column of a source as it is read."""
    item = source.columns[name]
    return Column(name, item.from_, item.type, shown=name not in source.personal)


def _from(item: Number | Category | Text, source: SourceConfig) -> tuple[Column | None, str | None]:
    return (None, item.view) if item.column is None else (column(source, item.column), None)


def _whole(told: Callable[[float], object] | None) -> Callable[[Progress], object]:
    """Say each whole percentage once: whoever is told may be far away."""
    last = -1.0

    def tell(progress: Progress) -> None:
        nonlocal last
        if int(progress.percent) > last:
            last = int(progress.percent)
            LOG.info("%s of %s rows, %s bad: %d %%", f"{progress.done:,}", f"{progress.total:,}", f"{progress.bad:,}", last)
            if told is not None:
                told(float(last))

    return tell
