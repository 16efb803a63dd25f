"""P13: asking for a model's champion gives that version of that model, whatever the other models do."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import invariant
from registry_machine import Moves, holds, opened
from registry_values import AT, registering

from headrace import registry
from headrace.diagnostics import HeadraceError
from headrace.registry import Stage, found
from headrace.registry.stage import standing_in

MODELS = ("churn", "churn-2", "fraud")


@settings(max_examples=15, deadline=None)
@given(st.lists(st.tuples(st.sampled_from(MODELS), st.integers(1, 2)), max_size=8))
def test_a_champion_is_the_last_that_its_own_model_promoted(promotions):
    with registering() as (store, register):
        for model in MODELS:
            register(model), register(model)
        for model, number in promotions:
            with store.transaction("test", "promote", model) as session:
                registry.promote(session, model=model, number=number, at=AT, reason="p")
        last = dict(promotions)
        with store.read() as session:
            assert {model: champion(session, model) for model in MODELS} == {
                model: (model, last[model]) if model in last else None for model in MODELS
            }


def champion(session, model):
    try:
        found = registry.find(session, model, "champion")
    except HeadraceError:
        return None
    return found.model, found.number


class Crowned(Moves):
    def __init__(self, store):
        super().__init__(store)
        self.told = {}

    @invariant()
    def in_production_is_the_champion_alone(self):
        expected = {self.name(model): [held["champion"]] if "champion" in held else [] for model, held in self.held.items()}
        with self.store.read() as session:
            there = {model: [row.number for row in standing_in(session, model, Stage.PRODUCTION)] for model in expected}
        searched = {
            model: [item.number for item in found.search(self.store, f"model == '{model}' and stage == 'production'").versions]
            for model in expected
        }
        assert (expected, expected) == (there, searched)

    @invariant()
    def who_is_champion_is_written_down(self):
        self.told |= {(model, self.at): held.get("champion") for model, held in self.held.items()}

    def teardown(self):
        """Who was in production at each moment is told for ever."""
        with self.store.read() as session:
            for (model, at), number in self.told.items():
                then = registry.as_of(session, self.name(model), at)
                champion = then.aliases.get("champion")
                in_production = then.production and then.production.version.number
                assert (number, number) == (in_production, champion and champion.version.number)


@pytest.mark.parametrize("database", ["sqlite", "postgres"])
def test_production_is_the_champion_now_and_at_every_moment_before(request, tmp_path, database):
    with opened(request, tmp_path, database) as store:
        holds(store, Crowned)
