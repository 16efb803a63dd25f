"""Which rows are served again, when each arrives, what is done to them, and when their answers are known."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from headrace.compiled import InputConfig, SourceConfig, ViewConfig
from headrace.diagnostics import Diagnostic, Exit, HeadraceError
from headrace.features.arrival import arrivals
from headrace.features.engine import Origins
from headrace.features.joined import joined, of_views
from headrace.features.source import read_source
from headrace.hooks import Reader
from headrace.spec.backtest import Backtest, Disturbance, midnight
from headrace.spec.model import Model

if TYPE_CHECKING:
    import pandas as pd


AT, TARGET, KNOWN_AT, INCIDENTS = "@at", "@target", "@known_at", "@incidents"
"""The history's own columns; no input can have such a name."""


@dataclass(frozen=True)
class History:
    """Requests in the order of their arrival.

    `frame` has one row a request: the entity, `@at` (its arrival, UTC), the inputs under their names, `@target` (the answer),
    `@known_at` (when the answer is known) and `@incidents` (ids of the disturbances that changed it).
    """

    frame: pd.DataFrame
    entity: str
    target: str
    inputs: tuple[str, ...]


def history(
    root: Path,
    sources: Mapping[str, SourceConfig],
    readers: Mapping[str, Reader],
    backtest: Backtest,
    model: Model,
    *,
    views: Mapping[str, ViewConfig],
    inputs: Sequence[InputConfig],
    rows: int | None,
) -> History:
    """Read, sample, order and disturb the rows of a backtest.

    Inputs that a view computes are as they were known when each row arrives. `rows` is the sample's size, None for all.
    """
    import numpy as np

    replay = backtest.replay
    name, labels_name = (reference.split("/", 1)[1] for reference in (replay.source, replay.labels))
    entity = model.features.entity
    later = read_source(root, name, sources[name], readers)
    labels = read_source(root, labels_name, sources[labels_name], readers)
    target = model.features.target.column
    for source, frame in ((name, later), (labels_name, labels)):
        if twice := int(frame[entity].duplicated().sum()):
            raise HeadraceError(
                Diagnostic("duplicate-entity", f"source/{source} has {twice:,} rows whose `{entity}` came before"), Exit.FAILED
            )
    merged = later.drop(columns=target, errors="ignore").merge(labels[[entity, target]], on=entity, how="left")
    unanswered = int(merged[target].isna().sum())
    if unanswered:
        raise HeadraceError(
            Diagnostic("unlabelled-rows", f"source/{labels_name} has no answer for {unanswered:,} rows of source/{name}"), Exit.FAILED
        )
    if rows is not None and rows < len(merged):
        chosen = np.random.default_rng(replay.seed).choice(len(merged), size=rows, replace=False)
        merged = merged.iloc[np.sort(chosen)].reset_index(drop=True)
    merged[AT] = arrivals(merged, spread=replay.spread, order=replay.order, seed=replay.seed)
    merged = merged[(merged[AT] >= midnight(replay.from_)) & (merged[AT] < midnight(replay.to))]
    if merged.empty:
        raise HeadraceError(Diagnostic("empty-replay", f"source/{name} has no row from {replay.from_} to {replay.to}"), Exit.FAILED)
    merged = merged.sort_values([AT, entity], kind="stable").reset_index(drop=True)
    merged[INCIDENTS] = [()] * len(merged)
    for disturbance in backtest.disturb:
        disturb(merged, disturbance, later)
    own = {item.name: merged[item.column] for item in inputs if item.column is not None}
    spine = merged[[entity, AT]].astype({entity: str})
    told = joined(Origins(root, sources, readers), views, wanted=of_views(inputs), spine=spine)
    frame = merged[[entity, AT, INCIDENTS]].assign(**own, **told)[[entity, AT, INCIDENTS, *(item.name for item in inputs)]]
    # A class stays the text that its column is read as; anything else is a number.
    frame[TARGET] = merged[target] if merged[target].dtype == object else merged[target].astype(float)
    frame[KNOWN_AT] = frame[AT] + model.features.target.delay
    return History(frame, entity, target, tuple(item.name for item in inputs))


def disturb(frame: pd.DataFrame, incident: Disturbance, whole: pd.DataFrame) -> None:
    """Rewrite an incident's values in place; HeadraceError where its map speaks of a value that its column has nowhere in the source."""
    when = frame[AT] >= midnight(incident.from_)
    if incident.to is not None:
        when &= frame[AT] < midnight(incident.to)
    changed = when & False
    for column in incident.columns:
        if column not in whole:
            raise HeadraceError(
                Diagnostic("unknown-column", f"disturb[{incident.id}] rewrites `{column}`, which no input reads"), Exit.INVALID
            )
        known = set(whole[column].dropna().unique())
        never = [value for value in incident.map if value not in known]
        if never:
            raise HeadraceError(
                Diagnostic(
                    "never-a-value",
                    f"disturb[{incident.id}] maps {', '.join(map(repr, never))}, which `{column}` never has",
                    help=f"it has: {', '.join(sorted(map(str, known)))}",
                ),
                Exit.INVALID,
            )
        new = frame.loc[when, column].map(lambda value: incident.map.get(value, value))
        changed |= when & frame[column].notna() & (frame[column] != new.reindex(frame.index))
        frame.loc[when, column] = new
    frame.loc[changed, INCIDENTS] = frame.loc[changed, INCIDENTS].map(lambda before: (*before, incident.id))


def spans(incidents: Sequence[Disturbance], lag: timedelta) -> list[tuple[str, Any, Any]]:
    """When each incident can still be seen: from its first day to its last and `lag` more; open ends are None."""
    return [(item.id, midnight(item.from_), midnight(item.to) + lag if item.to is not None else None) for item in incidents]
