"""Retrainings of one model, judgements, promotions and rollbacks in any order, on either database, beside a book of what must come."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from candidate_values import Contest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule, run_state_machine_as_test
from monitored_values import AT
from sqlmodel import col, select

from headrace import registry
from headrace.gates import Verdict
from headrace.registry import Stage
from headrace.store import EventKind, Store, events, tables

NOISES = st.sampled_from([0.0, 0.25, 0.3, 0.35, 1.0, 8.0, 20.0])
"""Some so near to one another that 400 rows tell nothing for sure, and some far apart."""
SAID = (EventKind.CANDIDATE_PASSED, EventKind.CANDIDATE_REJECTED)


class Contests(RuleBasedStateMachine):
    """`noise` is that of each version by its number; `waiting` were trained, and their runs have not come to the gates yet."""

    def __init__(self, store: Store) -> None:
        super().__init__()
        self.contest = Contest(store, 3, f"m{uuid4().hex[:8]}")
        self.versions: dict[int, registry.Version] = {}
        self.waiting: list[int] = []
        self.said: dict[int, Verdict] = {}
        """The verdict of each version that was judged."""
        self.held: dict[str, int] = {}
        """The aliases, told independently of the registry."""

    @property
    def store(self) -> Store:
        return self.contest.store

    @initialize(first=st.sampled_from([0.3, 1.0]))
    def begin(self, first: float) -> None:
        """A champion and two retrainings: beside 1.0 both are surely better, beside 0.3 one is better, but not surely so by these rows.

        Few searches come to either by chance.
        """
        self.train(first)
        self.judge(0)
        self.promote()
        for noise in (0.25, 0.0):
            self.train(noise)
            self.judge(0)

    @rule(noise=NOISES)
    def train(self, noise: float) -> None:
        made = self.contest.register(noise, uuid4().hex)
        self.versions[made.number] = made
        self.waiting.append(made.number)

    @precondition(lambda self: self.waiting)
    @rule(which=st.integers(0, 3))
    def judge(self, which: int) -> None:
        """A training run comes to its gates."""
        number = self.waiting.pop(which % len(self.waiting))
        verdict = self.said[number] = self.contest.judge(self.versions[number])
        if verdict.passed:
            self.held["candidate"] = number

    @precondition(lambda self: self.said)
    @rule(which=st.integers(0, 9))
    def judge_twice(self, which: int) -> None:
        """A task that is tried again says what it said, and announces nothing."""
        number = list(self.said)[which % len(self.said)]
        assert self.said[number] == self.contest.judge(self.versions[number])

    @precondition(lambda self: "candidate" in self.held)
    @rule()
    def promote(self) -> None:
        number = self.held.pop("candidate")
        with self.store.transaction("test", "promote", self.contest.model) as session:
            registry.promote(session, model=self.contest.model, number=number, at=AT, reason="test")
        self.held |= {"champion": number} | ({"previous": self.held["champion"]} if "champion" in self.held else {})

    @precondition(lambda self: "previous" in self.held)
    @rule()
    def rollback(self) -> None:
        with self.store.transaction("test", "roll back", self.contest.model) as session:
            registry.rollback(session, self.contest.model, AT, "test")
        self.held["champion"] = self.held.pop("previous")

    def rows(self, number: int) -> dict[str, tables.Verdict]:
        """What each gate wrote of a version."""
        with self.store.read() as session:
            query = select(tables.Verdict).where(tables.Verdict.model == self.contest.model, col(tables.Verdict.number) == number)
            return {row.gate: row for row in session.exec(query)}

    def announced(self) -> dict[int, Any]:
        """The one announcement of each version; a second one is a fault."""
        with self.store.read() as session:
            found = events.log(session, self.contest.model, SAID)
        assert len(found) == len({event.payload["number"] for event in found}), "a version was announced twice"
        return {event.payload["number"]: event for event in found}

    def stage(self, number: int) -> Stage:
        with self.store.read() as session:
            return registry.stage_of(session, self.contest.model, number)


def surely(row: tables.Verdict) -> bool:
    """Whether a difference from the champion is one that the bad end of its interval allows, read as the gate was written."""
    ends = [float("nan") if end is None else end for end in (row.low, row.value, row.high)]
    assert sorted(ends) == ends
    return ends[0] >= 0


def hold(machine: type[Contests], request: pytest.FixtureRequest, tmp_path: Path, database: str) -> None:
    """Search for an order after which an invariant does not hold; each example has a model of its own in the one store."""
    url = "sqlite:///state.db" if database == "sqlite" else request.getfixturevalue("postgres")
    with Store.open(url, "blobs", root=tmp_path) as store:
        run_state_machine_as_test(lambda: machine(store), settings=settings(max_examples=5, stateful_step_count=8, deadline=None))
