"""The properties of plan and apply on a real PostgreSQL: the same functions, with a few projects each."""

from __future__ import annotations

from collections.abc import Callable
from uuid import uuid4

import psycopg
import pytest
import test_apply_properties as properties
import test_apply_retiring as retiring
import test_plan_totals as totals
from planned import Specs, World

from headrace.store import Store
from headrace.testing.prefect import MemoryServer

ANA, BEN = (0.05, "6w", 0.85, "ana"), (0.1, "5w", 0.84, "ben")
ONE = Specs({"alpha": ANA, "beta": ANA})
PAIRS = [
    (ONE, Specs({"alpha": BEN, "gamma": ANA}, seed=8, channel="other.jsonl", extra=True)),
    (Specs({"alpha": ANA}, extra=True), Specs({"alpha": (0.05, "6w", 0.84, "ana")})),
]
CASES = {
    "test_01_after_apply_the_plan_is_empty": (properties, [before for before, _ in PAIRS]),
    "test_02_applying_twice_is_applying_once": (properties, PAIRS),
    "test_03_an_apply_does_exactly_the_steps_of_its_plan": (properties, PAIRS),
    "test_08_from_a_to_b_and_back_is_a": (properties, PAIRS),
    "test_09_with_a_rename_too": (properties, [(ONE, 3), (ONE, 8)]),
    "test_12_what_was_moved_has_no_effect_and_keeps_everything": (properties, [ONE]),
    "test_15_a_part_then_the_rest_is_the_whole": (properties, [(*PAIRS[0], "model/alpha"), (*PAIRS[0], "kind:channel")]),
    "test_equal_inputs_give_equal_bytes": (properties, PAIRS),
    "test_the_totals_of_a_plan_are_the_sum_of_its_lines": (totals, PAIRS),
    "test_models_that_leave_go_on_and_come_back_as_they_were": (retiring, PAIRS),
    "test_after_the_grace_what_left_is_gone": (retiring, PAIRS),
}


@pytest.fixture
def new_store(postgres: str, tmp_path) -> Callable[[], str]:
    """Makes the URL of a store with its tables and nothing in it."""
    Store.open(postgres, "blobs", root=tmp_path).close()
    template = postgres.split("@/")[1].partition("?")[0]

    def make() -> str:
        name = f"t{uuid4().hex}"
        with psycopg.connect(postgres.replace(template, "postgres"), autocommit=True) as connection:
            connection.execute(f"CREATE DATABASE {name} TEMPLATE {template}")  # type: ignore[call-overload]
        return postgres.replace(template, name)

    return make


@pytest.mark.parametrize("name", CASES)
def test_what_holds_on_sqlite_holds_on_postgresql(name: str, new_store: Callable[[], str], monkeypatch: pytest.MonkeyPatch) -> None:
    module, examples = CASES[name]

    def world(server: MemoryServer | None = None) -> World:
        return World(server, new_store())

    monkeypatch.setattr(module, "World", world)
    for example in examples:
        getattr(module, name).hypothesis.inner_test(*(example if isinstance(example, tuple) else (example,)))
