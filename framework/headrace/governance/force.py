"""Which policies are in force: those that were last applied, which a file that somebody wrote anew does not change."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlmodel import Session, select

from headrace.compiled.governance import GovernanceConfig
from headrace.store.tables import Resource

_KEY = "governance"


def in_force(session: Session, project: str, compiled: GovernanceConfig) -> GovernanceConfig:
    """What was applied last; what is compiled, where nothing was applied yet."""
    row = _row(session, project)
    if row is None:
        return compiled
    return GovernanceConfig.model_validate(row.applied.get(_KEY, {}))


def note(session: Session, project: str, applied: GovernanceConfig) -> None:
    """Write down what is in force from now on, within the transaction of the apply."""
    row = _row(session, project)
    if row is None:
        return
    rest = {key: value for key, value in row.applied.items() if key != _KEY}
    found = rest if applied == GovernanceConfig() else {**rest, _KEY: applied.to_json()}
    if found != row.applied:
        row.applied = found
        session.add(row)


def kept(applied: Mapping[str, Any]) -> dict[str, Any]:
    """What of a resource's row is kept until `note` says otherwise."""
    return {_KEY: applied[_KEY]} if _KEY in applied else {}


def _row(session: Session, project: str) -> Resource | None:
    return session.exec(select(Resource).where(Resource.address == f"project/{project}")).first()
