"""The state of an environment, read from its store: what was applied, and the histories that a plan is tried on."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from headrace.monitoring import rules
from headrace.plan import left, lost, pinned
from headrace.plan.past import Judged, Recorded, Seen, State, Stored, read_disk, text_digest

if TYPE_CHECKING:
    from sqlmodel import Session

    from headrace.project import Project
    from headrace.store import Store
    from headrace.store.tables import Verdict

__all__ = ["Judged", "Recorded", "Seen", "State", "read", "read_disk", "text_digest"]

OWED = ("train", "judge")
"""What an apply starts, and the next one where the first was cut short; also the flows that do it."""
VERSIONS = 10
"""How many of a model's last versions a changed gate is tried on."""
WINDOWS = 500
"""How many of a model's last windows a changed alert is tried on."""


def read(store: Store, root: Path, project: Project | None = None) -> State:
    """The state of one environment, and of the files under `root`.

    Histories are long: with a project, they are read for those of its models alone whose gates or alerts are others than applied.
    """
    from sqlmodel import col, func, select

    from headrace.store import tables
    from headrace.store.kinds import OperationStatus, RunStatus

    with store.read() as session:
        serial = session.exec(select(func.max(tables.Revision.serial))).one() or 0
        resources = _resources(session)
        versions = dict(session.exec(select(tables.ModelVersion.model, func.count()).group_by(tables.ModelVersion.model)).all())
        training = session.exec(select(tables.Run.model).where(tables.Run.flow == "train", tables.Run.status == RunStatus.RUNNING)).all()
        owed = session.exec(
            select(tables.Operation)
            .where(col(tables.Operation.action).in_(OWED), tables.Operation.status == OperationStatus.INTENT)
            .order_by(col(tables.Operation.at))
        ).all()
        aliases = _aliases(session)
        return State(
            began=lost.began(session),
            now=store.clock.now(),
            left=left.note(store),
            artifacts=project is not None and lost.artifacts(project.environment.blobs, root, session),
            serial=serial,
            resources=resources,
            versions=versions,
            training=frozenset(training),
            failed=_failed(session),
            verdicts={model: _judged(session, model) for model in _others(project, resources, "gates", versions)},
            windows={model: found for model in _others(project, resources, "alerts", ()) if (found := _windows(session, model))},
            aliases=aliases,
            logged=_logged(session),
            numbers=_numbers(session) if aliases else {},
            stragglers=_stragglers(store, root, project) if project is not None else frozenset(),
            deciding=_deciding(session),
            definitions=pinned.histories(session, project) if project is not None else {},
            driven=store.clock.driven,
            disk=read_disk(root, resources),
            pending={row.subject: str(row.payload["key"]) for row in owed if row.action == "train"},
            to_judge={row.subject: str(row.payload["key"]) for row in owed if row.action == "judge"},
            unjudged=_failed(session, "judge"),
        )


def _resources(session: Session) -> dict[str, Recorded]:
    """What is recorded, by address; its documents stay text, since those of most are what they were."""
    from sqlalchemy import Text, cast, select

    from headrace.store.tables import Resource

    columns = Resource.__table__.c  # type: ignore[attr-defined]
    query = select(columns.uid, columns.address, columns.kind, columns.fingerprint, cast(columns.spec, Text), cast(columns.applied, Text))
    found = session.connection().execute(query)
    return {
        address: Recorded(uid, address, kind, fingerprint, Stored(spec), Stored(applied))
        for uid, address, kind, fingerprint, spec, applied in found
    }


def _others(project: Project | None, resources: Mapping[str, Recorded], section: str, known: Iterable[str]) -> list[str]:
    """The models whose section is another than was applied, under the names that they had; without a project, all that are known."""
    if project is None:
        return list(known)
    before = {item.to: item.from_ for item in project.project.moved}
    found = []
    for model in project.models:
        name = f"model/{model.name}"
        seen = set()
        while name not in resources and name in before and name not in seen:
            seen.add(name)
            name = before[name]
        if name in resources and _section(resources[name].spec, section) != _section(_plain(model), section):
            found.append(name.partition("/")[2])
    return found


def _plain(model: Any) -> Mapping[str, Any]:  # noqa: ANN401 - a spec of the language
    found: Mapping[str, Any] = model.model_dump(mode="json", by_alias=True, include={"gates", "monitoring"})
    return found


def _section(spec: Mapping[str, Any], section: str) -> object:
    return spec.get("gates") if section == "gates" else (spec.get("monitoring") or {}).get("alerts")


def _failed(session: Session, flow: str = "train") -> dict[str, str]:
    """Models whose newest training (or judgement, unless a training came after it) failed, with the id of that run."""
    from sqlmodel import col, select

    from headrace.store import tables
    from headrace.store.kinds import RunStatus

    newest: dict[str, str | None] = {}
    columns = (tables.Run.model, tables.Run.id, tables.Run.status, tables.Run.flow)
    query = select(*columns).where(col(tables.Run.flow).in_(OWED if flow == "judge" else (flow,)))
    for model, id_, status, ran in session.exec(query.order_by(col(tables.Run.started_at))):
        newest[model] = id_ if status is RunStatus.FAILED and ran == flow else None
    return {model: id_ for model, id_ in newest.items() if id_ is not None}


def _judged(session: Session, model: str) -> dict[str, tuple[Judged, ...]]:
    from sqlmodel import col, select

    from headrace.store.tables import Verdict

    found: dict[str, dict[int, Judged]] = {}
    for row in session.exec(select(Verdict).where(Verdict.model == model).order_by(col(Verdict.number).desc(), col(Verdict.at).desc())):
        gate = found.setdefault(row.gate, {})
        if row.value is not None and len(gate) < VERSIONS:
            gate.setdefault(row.number, Judged(row.number, row.value, row.low, row.high, _measured(row)))
    return {gate: tuple(values.values()) for gate, values in found.items()}


def _measured(row: Verdict) -> Literal["value", "difference", "slice"] | None:
    """What a verdict's numbers are of; None where nothing was recorded that says it."""
    told = row.evidence or {}
    return "slice" if "slices" in told else "difference" if "versus" in told else "value" if "bound" in told else None


def _windows(session: Session, model: str) -> tuple[Seen, ...]:
    from sqlmodel import col, select

    from headrace.store.tables import Window

    rows = session.exec(select(Window).where(Window.model == model).order_by(col(Window.number).desc()).limit(WINDOWS)).all()
    return tuple(
        Seen(row.number, row.end, rules.values(row.drift, row.estimate, row.performance, row.unseen_share)) for row in reversed(rows)
    )


def _aliases(session: Session) -> dict[str, dict[str, int]]:
    from sqlmodel import select

    from headrace.store.tables import Alias

    found: dict[str, dict[str, int]] = {}
    for row in session.exec(select(Alias)):
        found.setdefault(row.model, {})[row.name] = row.number
    return found


def _logged(session: Session) -> dict[str, dict[str, int]]:
    """Every alias as its events say; one that they took away is not there."""
    from sqlmodel import col, select

    from headrace.store.kinds import EventKind
    from headrace.store.tables import Event

    found: dict[str, dict[str, int]] = {}
    query = select(Event.model, Event.payload).where(Event.kind == EventKind.ALIAS_MOVED).order_by(col(Event.seq))
    for model, payload in session.exec(query):
        held = found.setdefault(model, {})
        if payload["to"] is None:
            held.pop(payload["alias"], None)
        else:
            held[payload["alias"]] = payload["to"]
    return found


def _numbers(session: Session) -> dict[str, frozenset[int]]:
    from sqlmodel import select

    from headrace.store.tables import ModelVersion

    found: dict[str, set[int]] = {}
    for model, number in session.exec(select(ModelVersion.model, ModelVersion.number)):
        found.setdefault(model, set()).add(number)
    return {model: frozenset(numbers) for model, numbers in found.items()}


def _stragglers(store: Store, root: Path, project: Project) -> frozenset[str]:
    """Old names of moved models under which a server went on journalling: in its spool, or in the store already."""
    from headrace.compiler.lower import SPOOL
    from headrace.journal import unshipped

    names = [item.from_ for item in project.project.moved if item.from_.startswith("model/")]
    if not names:
        return frozenset()
    with store.read() as session:
        found = {old for old in names if wrote(session, old)}
    # A segment that is all in the store holds nothing that came late.
    return frozenset(found | {old for old in names if unshipped(store, root / SPOOL / old.removeprefix("model/"))})


def wrote(session: Session, old: str) -> bool:
    """Whether the store holds what servers write of a model, under this address."""
    from sqlmodel import select

    from headrace.store.tables import Outcome, Prediction

    model = old.removeprefix("model/")
    rows = (select(table.model).where(table.model == model).limit(1) for table in (Prediction, Outcome))
    return any(session.exec(query).first() is not None for query in rows)


def _deciding(session: Session) -> frozenset[str]:
    from sqlmodel import col, select

    from headrace.rollout.state import RUNNING
    from headrace.store.tables import Rollout

    return frozenset(session.exec(select(Rollout.model).where(col(Rollout.state).in_([state.value for state in RUNNING]))).all())
