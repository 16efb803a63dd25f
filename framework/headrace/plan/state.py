"""What is recorded of a project, and which compiled files stand on disk: the past that a plan starts from."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from headrace.compiled import WORKSPACE, is_compiled
from headrace.plan import lost

if TYPE_CHECKING:
    from sqlmodel import Session

    from headrace.store import Store

VERSIONS = 10
"""How many of a model's last versions a changed gate is tried on."""


@dataclass(frozen=True, slots=True)
class Recorded:
    """One resource as it was last applied; `applied` holds `written`, `files`, `deployments` and `automations`."""

    uid: str
    address: str
    kind: str
    fingerprint: str
    spec: Mapping[str, Any]
    applied: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Judged:
    """What one gate measured on one version."""

    number: int
    value: float


@dataclass(frozen=True, slots=True)
class State:
    """The recorded past: `serial` counts applies, 0 before the first."""

    serial: int = 0
    resources: Mapping[str, Recorded] = field(default_factory=dict)
    """By address."""
    versions: Mapping[str, int] = field(default_factory=dict)
    """How many versions each model has."""
    training: frozenset[str] = frozenset()
    """Models with a run of `train` that has not ended."""
    verdicts: Mapping[str, Mapping[str, tuple[Judged, ...]]] = field(default_factory=dict)
    """By model and gate: the last `VERSIONS` measured values, newest first."""
    champions: frozenset[str] = frozenset()
    """Models with a champion."""
    driven: bool = False
    """Whether somebody drives the clock; Prefect's schedules are paused meanwhile."""
    disk: Mapping[str, str] = field(default_factory=dict)
    """The compiled files that stand on disk, with the digest of their text."""
    failed: Mapping[str, str] = field(default_factory=dict)
    """Models whose last training failed, with the id of that run."""
    began: bool = False
    """Whether an apply or a flow ever wrote into the store."""
    artifacts: bool = False
    """Whether the blobs hold any artifact, where that can be seen without the network."""
    pending: Mapping[str, str] = field(default_factory=dict)
    """Models whose training an interrupted apply had still to start, with the key of that run."""


def text_digest(text: str) -> str:
    """`sha256:<hex>` of a file's text."""
    return f"sha256:{hashlib.sha256(text.encode()).hexdigest()}"


def read_disk(root: Path, recorded: Mapping[str, Recorded] | None = None) -> dict[str, str]:
    """The files under `flows/` that the compiler or an earlier apply wrote, with the digest of their text."""
    known = {path for resource in (recorded or {}).values() for path in resource.applied.get("files", ())}
    found = {}
    for path in sorted((root / "flows").glob("*")):
        name = f"flows/{path.name}"
        if path.is_file() and path.suffix in {".py", ".json"}:
            text = path.read_text(encoding="utf-8", errors="replace")
            if name in known or path.name == WORKSPACE or is_compiled(path.name, text):
                found[name] = text_digest(text)
    return found


def read(store: Store, root: Path, blobs: str | None = None) -> State:
    """The state of one environment, and of the files under `root`; `blobs` is where its artifacts are, as the spec has it."""
    from sqlmodel import col, func, select

    from headrace.store import tables
    from headrace.store.kinds import OperationStatus, RunStatus

    with store.read() as session:
        serial = session.exec(select(func.max(tables.Revision.serial))).one() or 0
        resources = {
            row.address: Recorded(row.uid, row.address, row.kind, row.fingerprint, row.spec, row.applied)
            for row in session.exec(select(tables.Resource))
        }
        versions = session.exec(select(tables.ModelVersion.model, func.count()).group_by(tables.ModelVersion.model)).all()
        training = session.exec(select(tables.Run.model).where(tables.Run.flow == "train", tables.Run.status == RunStatus.RUNNING)).all()
        newest: dict[str, tables.Run] = {}
        for run in session.exec(select(tables.Run).where(tables.Run.flow == "train").order_by(col(tables.Run.started_at))):
            newest[run.model] = run
        failed = {model: run.id for model, run in newest.items() if run.status is RunStatus.FAILED}
        champions = session.exec(select(tables.Alias.model).where(tables.Alias.name == "champion")).all()
        pending = session.exec(
            select(tables.Operation)
            .where(tables.Operation.action == "train", tables.Operation.status == OperationStatus.INTENT)
            .order_by(col(tables.Operation.at))
        ).all()
        verdicts = {model: _judged(session, model) for model, _ in versions}
        began = lost.began(session)
    return State(
        began=began,
        artifacts=blobs is not None and lost.artifacts(blobs, root),
        serial=serial,
        resources=resources,
        versions=dict(versions),
        training=frozenset(training),
        failed=failed,
        verdicts=verdicts,
        champions=frozenset(champions),
        driven=store.clock.driven,
        disk=read_disk(root, resources),
        pending={row.subject: str(row.payload["key"]) for row in pending},
    )


def _judged(session: Session, model: str) -> dict[str, tuple[Judged, ...]]:
    from sqlmodel import col, select

    from headrace.store.tables import Verdict

    found: dict[str, dict[int, Judged]] = {}
    for row in session.exec(select(Verdict).where(Verdict.model == model).order_by(col(Verdict.number).desc(), col(Verdict.at).desc())):
        gate = found.setdefault(row.gate, {})
        if row.value is not None and len(gate) < VERSIONS:
            gate.setdefault(row.number, Judged(row.number, row.value))
    return {gate: tuple(values.values()) for gate, values in found.items()}
