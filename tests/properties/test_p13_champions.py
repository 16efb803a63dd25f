"""P13: asking for a model's champion gives that version of that model, whatever the other models do."""

from hypothesis import given, settings
from hypothesis import strategies as st
from registry_values import AT, registering

from headrace import registry
from headrace.diagnostics import HeadraceError

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
