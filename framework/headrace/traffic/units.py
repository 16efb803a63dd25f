"""Units that failed, each once: one user who tries a thousand times is one failure, and not a thousand.

Given that a unit failed for the first time, the chance that the candidate was its arm is what it is of a request, since units are dealt as
requests are; so the same evidence holds. A unit counts once in a rollout, and not once an epoch: as the share rises a unit that was the
candidate's stays the candidate's, so that its next failure says nothing new.
"""

from __future__ import annotations

from collections import Counter as Tally
from collections.abc import Mapping, Sequence
from dataclasses import replace
from hashlib import blake2b
from importlib import import_module

from sqlmodel import Session, select

from headrace.stats.eprocess import Stratum
from headrace.store.counted import FailedUnit
from headrace.traffic.weights import CANDIDATE, CHAMPION

Failing = Mapping[str, tuple[int, str]]
"""The epoch and the arm in which each unit first failed, by the unit's digest."""


def digest(model: str, unit: str) -> str:
    """What a unit is called where it is counted: nothing that says who it is."""
    return blake2b(f"{model}|{unit}".encode(), digest_size=16).hexdigest()


def failing(session: Session, model: str, candidate: int) -> dict[str, tuple[int, str]]:
    """The units that failed while a version was on trial, as all workers have told."""
    rows = session.exec(
        select(FailedUnit.unit, FailedUnit.epoch, FailedUnit.arm).where(FailedUnit.model == model, FailedUnit.candidate == candidate)
    )
    return {unit: (epoch, arm) for unit, epoch, arm in rows}


def put(session: Session, model: str, units: Mapping[tuple[int, str], tuple[int, str]]) -> None:
    """Units by (candidate, digest); of two workers that saw one fail, the first that tells it is believed."""
    if not units:
        return
    # Of the two dialects only the store's is imported: the other is a driver's worth of modules.
    insert = import_module(f"sqlalchemy.dialects.{session.get_bind().dialect.name}").insert
    rows = [
        {"model": model, "candidate": candidate, "unit": unit, "epoch": epoch, "arm": arm}
        for (candidate, unit), (epoch, arm) in sorted(units.items())
    ]
    session.connection().execute(insert(FailedUnit).on_conflict_do_nothing(index_elements=["model", "candidate", "unit"]), rows)


def by_unit(strata: Sequence[Stratum], epochs: Sequence[int], known: Failing) -> list[Stratum]:
    """Strata, one an epoch, with units that failed in place of requests that did."""
    bad = Tally(known.values())
    return [
        replace(stratum, bad_candidate=bad[epoch, CANDIDATE], bad_champion=bad[epoch, CHAMPION])
        for epoch, stratum in zip(epochs, strata, strict=True)
    ]
