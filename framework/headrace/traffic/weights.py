"""Which share each version answers: one row an epoch, changed by compare-and-set alone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from math import isclose

from sqlmodel import Session, col, select

from headrace.store import tables
from headrace.traffic.enrolment import Among
from headrace.traffic.enrolment import among as dealt

CHAMPION = "champion"
"""The arm that answers unless the weights say otherwise."""
CANDIDATE = "candidate"
"""The arm that is on trial."""


class WeightsConflict(Exception):  # noqa: N818 - the seam's word
    """Someone else changed the weights first: read them again and decide again."""


@dataclass(frozen=True, slots=True)
class Arm:
    """A version and its share, in [0, 1]."""

    name: str
    version: int
    weight: float


@dataclass(frozen=True, slots=True)
class Weights:
    """The arms of one epoch; their weights add up to 1. `among` is whom they are dealt to; None is everyone."""

    model: str
    epoch: int
    arms: tuple[Arm, ...]
    among: Among | None = None

    def arm(self, name: str) -> Arm | None:
        """An arm by its name."""
        return next((arm for arm in self.arms if arm.name == name), None)

    @property
    def pairs(self) -> tuple[tuple[str, float], ...]:
        """As `assign` takes them."""
        return tuple((arm.name, arm.weight) for arm in self.arms)

    @property
    def share(self) -> float:
        """The candidate's share of what it and the champion answer; 0 where there is no candidate."""
        candidate, champion = self.arm(CANDIDATE), self.arm(CHAMPION)
        if candidate is None or candidate.weight == 0.0:
            return 0.0
        return candidate.weight / (candidate.weight + (champion.weight if champion else 0.0))


def current(session: Session, model: str) -> Weights | None:
    """The newest weights of a model; None where none were ever set."""
    query = select(tables.Weights).where(tables.Weights.model == model).order_by(col(tables.Weights.epoch).desc()).limit(1)
    row = session.exec(query).first()
    return None if row is None else _value(row)


def epochs(session: Session, weights: Weights) -> list[Weights]:
    """The epochs of one rollout, oldest first: the unbroken run, ending with these, of one candidate against one champion.

    Where the newest has the candidate at 0 it was aborted, and the run ends before it. Empty where no candidate answers.
    """
    query = (
        select(tables.Weights)
        .where(tables.Weights.model == weights.model, col(tables.Weights.epoch) <= weights.epoch)
        .order_by(col(tables.Weights.epoch).desc())
    )
    versions = _versions(weights)
    found: list[Weights] = []
    for row in session.exec(query):
        value = _value(row)
        if _versions(value) != versions:
            break
        if value.share > 0.0:
            found.append(value)
        elif value.epoch != weights.epoch:
            break
    return found[::-1]


def shares(session: Session, model: str, numbers: Sequence[int]) -> dict[int, float]:
    """The candidate's share in each of these epochs; one that does not exist is left out."""
    query = select(tables.Weights).where(tables.Weights.model == model, col(tables.Weights.epoch).in_(numbers))
    return {row.epoch: _value(row).share for row in session.exec(query)}


def set_weights(
    session: Session, *, model: str, expected: int | None, arms: Sequence[Arm], at: datetime, reason: str, among: Among | None = None
) -> Weights:
    """Begin a new epoch, within a `Store.transaction`; `expected` is the epoch that was decided upon (None: there was none).

    Raises WeightsConflict where another epoch stands by now, ValueError where the arms are no distribution.
    """
    if not isclose(sum(arm.weight for arm in arms), 1.0, abs_tol=1e-9) or any(arm.weight < 0.0 for arm in arms):
        raise ValueError(f"the weights of model/{model} do not add up to 1: {arms}")
    if len({arm.name for arm in arms}) != len(arms):
        raise ValueError(f"an arm of model/{model} stands twice: {arms}")
    standing = current(session, model)
    epoch = None if standing is None else standing.epoch
    if epoch != expected:
        raise WeightsConflict(f"model/{model} is at epoch {epoch}, and {expected} was expected")
    row = tables.Weights(
        model=model,
        epoch=(epoch or 0) + 1,
        arms=[asdict(arm) for arm in arms],
        at=at,
        reason=reason,
        among=None if among is None else among.to_json(),
    )
    session.add(row)
    session.flush()
    return _value(row)


def _value(row: tables.Weights) -> Weights:
    return Weights(row.model, row.epoch, tuple(Arm(**arm) for arm in row.arms), None if row.among is None else dealt(row.among))


def _versions(weights: Weights) -> tuple[int | None, int | None]:
    champion, candidate = weights.arm(CHAMPION), weights.arm(CANDIDATE)
    return (champion.version if champion else None, candidate.version if candidate else None)
