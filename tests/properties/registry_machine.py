"""A registry under any order of moves, on either database, beside what it must be, told independently of it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from uuid import uuid4

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test
from registry_values import AT, DIGESTS

from headrace import registry
from headrace.diagnostics import HeadraceError
from headrace.registry import Stage
from headrace.store import Store

NUMBERS = st.integers(1, 4)
MODELS = st.sampled_from(["a", "b"])
BY_HAND = st.sampled_from([Stage.REJECTED, Stage.ARCHIVED, Stage.RETIRED, Stage.REGISTERED, Stage.DEPRECATED, Stage.PRODUCTION])


@contextmanager
def opened(request: pytest.FixtureRequest, tmp_path: Path, database: str) -> Iterator[Store]:
    """An empty store on a database of this kind."""
    url = "sqlite:///state.db" if database == "sqlite" else request.getfixturevalue("postgres")
    with Store.open(url, "blobs", root=tmp_path) as store:
        yield store


def holds(store: Store, machine: type[Moves]) -> None:
    """Run a machine whose invariants are the property; each example has models of its own in the one store."""
    run_state_machine_as_test(  # type: ignore[no-untyped-call]
        lambda: machine(store), settings=settings(max_examples=5, stateful_step_count=12, deadline=None)
    )


class Moves(RuleBasedStateMachine):
    """Everything that moves a version. `made` are the registered ones, `held` the aliases, `gone` the withdrawn, by model."""

    def __init__(self, store: Store) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.store, self.own, self.at = store, f"m{uuid4().hex[:8]}", AT
        self.made: dict[str, list[registry.Version]] = {"a": [], "b": []}
        self.held: dict[str, dict[str, int]] = {"a": {}, "b": {}}
        self.gone: dict[str, set[int]] = {"a": set(), "b": set()}
        self.semvers: dict[str, dict[str, int]] = {"a": {}, "b": {}}

    def name(self, model: str) -> str:
        """A model of this example."""
        return f"{self.own}-{model}"

    def act(self, function, **arguments) -> bool:  # type: ignore[no-untyped-def]
        """Call in a transaction of its own, later than all before; whether it was not refused."""
        self.at += timedelta(hours=1)
        try:
            with self.store.transaction("test", "move", "model") as session:
                function(session, at=self.at, reason="p", **arguments)
        except HeadraceError:
            return False
        return True

    @initialize(semver=st.sampled_from([None, "1.0.0"]))
    def begin(self, semver: str | None) -> None:
        """A short life, as a start: of few versions most moves are refused, and few searches go through all of this by chance."""
        for model, given in (("a", semver), ("a", None), ("b", None), ("a", None), ("b", None)):
            self.register(model, given, b"m")
        self.withdraw("a", 3)
        self.withdraw("b", 2)  # the newest of b
        self.register("a", None, b"n")
        for number in (1, 2):
            self.promote("a", number)
        self.rollback("a")
        self.by_hand("a", 4, Stage.DEPRECATED)

    @rule(model=MODELS, semver=st.sampled_from([None, None, "1.0.0", "1.1.0"]), data=st.binary(max_size=3))
    def register(self, model: str, semver: str | None, data: bytes) -> None:
        given = semver if semver not in self.semvers[model] else None
        self.at += timedelta(hours=1)
        made = registry.register(
            self.store, actor="t", model=self.name(model), run_id=f"r{len(self.made[model])}", manifest={"digests": DIGESTS, "metrics": {}},
            model_bytes=data, algorithm="a", format="x", at=self.at, semver=given,
        )  # fmt: skip
        self.made[model].append(made)
        if given is not None:
            self.semvers[model][given] = made.number

    @rule(model=MODELS, number=NUMBERS)
    def promote(self, model: str, number: int) -> None:
        held = self.held[model]
        if self.act(registry.promote, model=self.name(model), number=number) and held.get("champion") != number:
            if "champion" in held:
                held["previous"] = held["champion"]
            held["champion"] = number
        if held.get("champion") == number and held.get("candidate") == number:
            del held["candidate"]

    @rule(model=MODELS)
    def rollback(self, model: str) -> None:
        held = self.held[model]
        done = self.act(lambda session, at, reason: registry.rollback(session, self.name(model), at, reason))
        assert done is ("previous" in held)
        if done:
            held["champion"] = held.pop("previous")

    @rule(model=MODELS, number=NUMBERS | st.none(), alias=st.sampled_from(["candidate", "shadow"]))
    def move(self, model: str, number: int | None, alias: str) -> None:
        if self.act(registry.move, model=self.name(model), alias=alias, number=number):
            self.held[model].pop(alias, None)
            self.held[model].update({} if number is None else {alias: number})

    @rule(model=MODELS, number=NUMBERS)
    def reject(self, model: str, number: int) -> None:
        # As gates do: one that waits is no candidate any more.
        if number <= len(self.made[model]) and self.held[model].get("candidate") != number:
            assert self.act(registry.reject, model=self.name(model), number=number)

    @rule(model=MODELS, number=NUMBERS, stage=BY_HAND)
    def by_hand(self, model: str, number: int, stage: Stage) -> None:
        self.act(registry.set_stage, model=self.name(model), number=number, stage=stage)

    @rule(model=MODELS, number=NUMBERS)
    def withdraw(self, model: str, number: int) -> None:
        done = self.act(registry.withdraw, model=self.name(model), number=number)
        assert done is (number <= len(self.made[model]) and number not in self.held[model].values())
        if done:
            self.gone[model].add(number)

    @invariant()
    def aliases_are_those_that_were_moved(self) -> None:
        with self.store.read() as session:
            assert self.held == {model: registry.aliases(session, self.name(model)) for model in self.held}
