"""Live data of a model: what was read of its views online, and answered from, beside what a training set would hold of the same."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from sqlmodel import Session, col, select

from headrace.compiled import InputConfig, ViewConfig
from headrace.diagnostics import Diagnostic, HeadraceError
from headrace.features.engine import Origins
from headrace.features.joined import joined, of_views
from headrace.features.online.database import location
from headrace.features.online.definition import Definition, define
from headrace.features.online.events import Events, plan
from headrace.hooks import Live
from headrace.journal import SHADOW
from headrace.journal.personal import veiled, veiled_entity
from headrace.store.tables import Prediction

if TYPE_CHECKING:
    import pandas as pd

MOST = 1000
"""How many pairs of an entity and a moment are compared at most."""

_Pair = tuple[str, datetime]


def live(
    session: Session, origins: Origins, views: Mapping[str, ViewConfig], where: str, *, model: str, inputs: Sequence[InputConfig]
) -> Live:
    """The newest requests of a model as far as its sources were brought in by then, or else the newest events' entities at their times.

    HeadraceError: `no-live-data` where no view of the model is read online, one was not brought in, or nothing happened; those of
    `joined` and of `Events.read`.
    """
    import pandas as pd

    wanted = {view: names for view, names in of_views(inputs).items() if view in views and views[view].online is not None}
    if not wanted:
        raise _none(f"no view of model/{model} is read online")
    definitions = {view: define(view, views[view], origins.sources[views[view].source]) for view in wanted}
    folder = location(origins.root, where)
    opened = {view: _opened(definition, origins, folder) for view, definition in definitions.items()}
    try:
        until = min(watermark for _, watermark in opened.values())
        asked = _requests(session, model, until)
        pairs = [pair for pair, _ in asked] or _happened([events for events, _ in opened.values()], until)
        if not pairs:
            raise _none(f"of the views of model/{model} no event is known")
        read = pd.DataFrame(index=range(len(pairs)))
        for view, names in wanted.items():
            computing = plan(definitions[view], names)
            known = [opened[view][0].read(computing, entity, at) for entity, at in pairs]
            told = [[item.values[name] for name in names] for item in known]  # noqa: PD011 - no frame
            read[names] = pd.DataFrame(told, columns=names, dtype=object)
    finally:
        for events, _ in opened.values():
            events.close()
    spine = pd.DataFrame({"entity": [entity for entity, _ in pairs], "at": pd.to_datetime([at for _, at in pairs], utc=True)})
    offline = joined(origins, views, wanted=wanted, spine=spine)
    return Live(spine["entity"].tolist(), [at for _, at in pairs], read, offline, _journalled(asked, list(read.columns)))


def _opened(definition: Definition, origins: Origins, where: str) -> tuple[Events, datetime]:
    events = Events.find(definition, origins.root, where)
    watermark = None if events is None else events.state().watermark
    if events is None or watermark is None:
        if events is not None:
            events.close()
        raise _none(f"feature_view/{definition.name} was not brought in yet", f"type `headrace features materialize {definition.name}`")
    return events, watermark


def _none(message: str, advice: str | None = None) -> HeadraceError:
    return HeadraceError(Diagnostic("no-live-data", message, help=advice))


def _requests(session: Session, model: str, until: datetime) -> list[tuple[_Pair, Mapping[str, Any]]]:
    """The newest answered requests, and what they were answered from."""
    told = select(Prediction.entity, Prediction.at, Prediction.inputs).where(
        Prediction.model == model, col(Prediction.error).is_(None), col(Prediction.arm) != SHADOW, Prediction.at <= until
    )
    found = session.exec(told.order_by(col(Prediction.seq).desc()).limit(MOST))
    # A hashed entity is known to no view, and a hashed value equals none.
    return [
        ((entity, at), inputs)
        for entity, at, inputs in found
        if not veiled_entity(entity) and not any(veiled(value) for value in inputs.values())
    ]


def _happened(opened: Sequence[Events], until: datetime) -> list[_Pair]:
    """The newest events' entities, at their times, a moment later, and a week later: on edges and off them."""
    found = [(str(entity), at) for events in opened for entity, at in events.recent(MOST // 3)]
    later = (timedelta(0), timedelta(microseconds=1), timedelta(days=7))
    return list(dict.fromkeys((entity, at + by) for by in later for entity, at in found if at + by <= until))[:MOST]


def _journalled(asked: Sequence[tuple[_Pair, Mapping[str, Any]]], names: Sequence[str]) -> pd.DataFrame | None:
    import pandas as pd

    if not asked:
        return None
    return pd.DataFrame([[inputs.get(name) for name in names] for _, inputs in asked], columns=list(names), dtype=object)
