"""The graph of a store: read from versions, runs, the log, weights, the journal and outcomes as they stand, and kept nowhere twice."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from sqlmodel import Session, col, select

from headrace.diagnostics import Diagnostic, Exit, HeadraceError
from headrace.registry.lineage.answers import answered, asked, outcomes_of
from headrace.registry.lineage.graph import Graph
from headrace.registry.lineage.made import Found, made, version_id
from headrace.registry.version import Version, versions
from headrace.store import tables

__all__ = ["of_prediction", "of_source", "of_version"]


def of_version(session: Session, version: Version) -> Graph:
    """All that a version was made of, and all that came of it."""
    return _whole(session, [version.model]).around(version_id(version))


def of_prediction(session: Session, id: str) -> Graph:  # noqa: A002 - the column's name
    """From one answer back to the version that gave it, its data and its code, and on to what turned out to be true.

    HeadraceError `no-lineage` where no answer of this id was journalled.
    """
    row = session.exec(select(tables.Prediction).where(tables.Prediction.id == id)).first()
    if row is None:
        raise _none(f"no answer with the id {id[:80]} was journalled", "`headrace journal` shows what was; a spool may not be shipped yet")
    found = Found()
    _models(session, [row.model], found)
    return asked(session, row, found).around(f"prediction/{row.id}")


def of_source(session: Session, name: str, models: Iterable[str]) -> Graph:
    """All that came of a source, in any of these models; HeadraceError `no-lineage` where no version was made of it."""
    graph = _whole(session, models)
    if f"source/{name}" not in graph.nodes:
        raise _none(f"no version was made of source/{name[:80]}", "`headrace models` lists the versions that there are")
    return graph.around(f"source/{name}")


def _whole(session: Session, models: Iterable[str]) -> Graph:
    found = Found()
    _models(session, models, found)
    return found.graph()


def _models(session: Session, models: Iterable[str], found: Found) -> None:
    for model in models:
        all_ = versions(session, model)
        runs = _runs(session, all_)
        for version in all_:
            made(session, version, runs.get(version.run_id), found)
        groups = answered(session, model, all_, found)
        outcomes_of(session, model, all_, groups, found)


def _runs(session: Session, of: list[Version]) -> dict[str, Any]:
    wanted = {version.run_id for version in of}
    rows: dict[str, Any] = {}
    ordered = sorted(wanted)
    for start in range(0, len(ordered), 500):
        query = select(tables.Run).where(col(tables.Run.id).in_(ordered[start : start + 500]))
        rows |= {row.id: row for row in session.exec(query)}
    return rows


def _none(message: str, help_: str) -> HeadraceError:
    return HeadraceError(Diagnostic("no-lineage", message, help=help_), Exit.FAILED)
