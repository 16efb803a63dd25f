"""What came of versions: who answered in which epoch of weights, which answers were given, what turned out to be true, what was learned."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import select as rows
from sqlmodel import Session, col, func, select

from headrace.journal import reader
from headrace.registry.lineage.graph import Graph
from headrace.registry.lineage.made import Found, version_id
from headrace.registry.version import Version
from headrace.store import tables

Group = tuple[int, int, str]
"""Answers that one version gave in one epoch as one arm."""


def answered(session: Session, model: str, made: Sequence[Version], found: Found) -> dict[Group, str]:
    """Epochs of weights with the versions that have a share in them, and the answers that were journalled, counted."""
    known = {version.number: version_id(version) for version in made}
    for row in session.exec(select(tables.Weights).where(tables.Weights.model == model).order_by(col(tables.Weights.epoch))):
        epoch = _epoch(model, row.epoch, found, row)
        for arm in row.arms:
            if arm["version"] in known and arm["weight"] > 0:
                found.edge(known[arm["version"]], epoch, f"{arm['name']} {arm['weight']:.4g}")
    p = tables.Prediction
    columns = (col(p.version), col(p.epoch), col(p.arm), func.count(), func.min(p.at), func.max(p.at))
    query = rows(*columns).where(col(p.model) == model).group_by(*columns[:3]).order_by(*columns[:3])
    ids: dict[Group, str] = {}
    for version, number, called, count, first, last in session.connection().execute(query).tuples():
        if version not in known:
            continue
        id_ = found.node(
            "predictions",
            f"predictions/{model}@{version}/{number}/{called}",
            f"{count:,} answers of v{version} as {called}",
            n=count,
            first=first.isoformat(),
            last=last.isoformat(),
        )
        found.edge(known[version], id_, "answered")
        found.edge(_epoch(model, number, found), id_, "while it held")
        ids[version, number, called] = id_
    return ids


def outcomes_of(session: Session, model: str, made: Sequence[Version], groups: dict[Group, str], found: Found) -> None:
    """What became known of the answers, and which later versions were trained on it."""
    learned = [(version, datetime.fromisoformat(version.manifest["as_of"])) for version in _learned(made)]
    for group, count, first in reader.labelled_counts(session, model) if groups else ():
        if group not in groups:
            continue
        of = groups[group]
        id_ = found.node("outcomes", f"outcomes/{of.partition('/')[2]}", f"{count:,} outcomes", n=count, first=first.isoformat())
        found.edge(of, id_, "turned out")
        for version, as_of in learned:
            if first <= as_of:
                found.edge(id_, f"data/{version.manifest['digests']['data']}", "learned from")
    _alerts(session, model, groups, found)


def _alerts(session: Session, model: str, groups: dict[Group, str], found: Found) -> None:
    """Alerts that led to a retraining, with the answers of the window that they were raised by."""
    for id_ in [name for name, node in found.nodes.items() if node.kind == "alert"]:
        event = session.exec(select(tables.Event).where(tables.Event.id == id_.partition("/")[2])).first()
        if event is None or event.model != model or "window" not in event.payload:
            continue
        number = event.payload["window"]["number"]
        row = session.exec(select(tables.Window).where(tables.Window.model == model, tables.Window.number == number)).first()
        if row is None:
            continue
        window = found.node("window", f"window/{model}@{number}", f"window {number} ({row.n:,} answers)", n=row.n)
        found.edge(window, id_, "fired")
        p = tables.Prediction
        inside = select(p.version, p.epoch, p.arm).where(p.model == model, col(p.seq).between(row.first_seq, row.last_seq)).distinct()
        for group in session.exec(inside):
            if group in groups:
                found.edge(groups[group], window, "measured")


def asked(session: Session, row: tables.Prediction, found: Found) -> Graph:
    """One answer as a node of its own, with the version that gave it, its epoch, and the outcome that is its own."""
    group = f"predictions/{row.model}@{row.version}/{row.epoch}/{row.arm}"
    id_ = found.node(
        "prediction", f"prediction/{row.id}", f"answer {row.id[:12]}", entity=row.entity, at=row.at.isoformat(), output=row.output
    )
    if f"model/{row.model}@{row.version}" in found.nodes:
        found.edge(f"model/{row.model}@{row.version}", id_, "answered")
        found.edge(_epoch(row.model, row.epoch, found), id_, "while it held")
    known = reader.outcome_of(session, row.model, row.seq or 0)
    if known is not None:
        outcome = found.node(
            "outcome", f"outcome/{row.id}", f"outcome {known[0]}", value=known[0], known_at=known[1].isoformat(), entity=row.entity
        )
        found.edge(id_, outcome, "turned out")
        for end in [edge.end for edge in found.edges if edge.start == f"outcomes/{group.partition('/')[2]}"]:
            as_of = found.nodes[end].told.get("as_of")
            if isinstance(as_of, str) and known[1] <= datetime.fromisoformat(as_of):
                found.edge(outcome, end, "learned from")
    return found.graph()


def _learned(made: Sequence[Version]) -> list[Version]:
    return [item for item in made if (item.manifest.get("rows") or {}).get("new") and item.manifest.get("as_of")]


def _epoch(model: str, number: int, found: Found, row: tables.Weights | None = None) -> str:
    since = None if row is None else row.at.isoformat()
    reason = None if row is None else row.reason
    return found.node("weights", f"weights/{model}@{number}", f"weights, epoch {number}", since=since, reason=reason)
