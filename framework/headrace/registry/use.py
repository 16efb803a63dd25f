"""What a version is needed for, so that nobody takes it away: its names, its stage, a rollout, traffic, and versions made of it."""

from __future__ import annotations

from collections.abc import Iterator

from sqlalchemy import String, cast
from sqlmodel import Session, col, select

from headrace.diagnostics import Diagnostic, Exit, HeadraceError
from headrace.registry.version import get
from headrace.store import tables
from headrace.store.kinds import Stage
from headrace.store.registered import VersionIndex

RUNNING = ("pending", "deploying", "comparing", "rolling_back")
"""The states of a rollout that has not ended, as the room `rollout` names them; a test compares."""


def uses(session: Session, model: str, number: int) -> Iterator[str]:
    """Each thing that a version is needed for, in words. HeadraceError `no-version`."""
    version = get(session, model, number)
    names = session.exec(select(tables.Alias.name).where(tables.Alias.model == model, tables.Alias.number == number)).all()
    for name in sorted(names):
        yield f"it is called `{name}`"
    found = session.exec(select(VersionIndex).where(VersionIndex.model == model, VersionIndex.number == number)).first()
    if found is not None and found.stage is Stage.PRODUCTION:
        yield "it is in production"
    for row in session.exec(select(tables.Rollout).where(tables.Rollout.model == model, col(tables.Rollout.state).in_(RUNNING))):
        if number in {row.candidate, row.champion}:
            yield "a rollout uses it"
    arms = session.exec(
        select(tables.Weights.arms).where(tables.Weights.model == model).order_by(col(tables.Weights.epoch).desc()).limit(1)
    ).first()
    if any(arm.get("version") == number and arm.get("weight", 0) > 0 for arm in arms or ()):
        yield "it answers requests"
    for other in _made_of(session, version.model_digest):
        yield f"{other} is made of it"


def refuse_used(session: Session, model: str, number: int, what: str) -> None:
    """HeadraceError `version-in-use` (exit 4) where a version is needed for anything; `what` it would be, such as `withdrawn`."""
    needed = list(uses(session, model, number))
    if needed:
        message = f"model/{model} v{number} cannot be {what}: {'; '.join(needed)}"
        help_ = "promote another version, or end its rollout, first"
        raise HeadraceError(Diagnostic("version-in-use", message, help=help_), Exit.REFUSED)


def _made_of(session: Session, model_digest: str) -> list[str]:
    """The versions, not withdrawn themselves, that have these bytes as a part."""
    row, index = tables.ModelVersion, VersionIndex
    query = (
        select(row.model, row.number)
        .join(index, (col(index.model) == row.model) & (col(index.number) == row.number))
        .where(
            row.model_digest != model_digest,
            col(index.withdrawn_at).is_(None),
            cast(row.manifest, String).contains(model_digest, autoescape=True),
        )
        .order_by(col(row.model), col(row.number))
    )
    return [f"model/{model} v{number}" for model, number in session.exec(query)]
