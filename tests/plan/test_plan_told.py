from __future__ import annotations

import pytest

from headrace.plan import Recorded, told
from headrace.plan.backtest import gate
from headrace.plan.moved import Move, notes
from headrace.plan.past import Judged
from headrace.plan.wanted import Automation, Deployment, Observed
from headrace.spec.gates import Gate


@pytest.mark.parametrize(
    ("number", "word", "said"),
    [
        (0, "step", "0 steps"),
        (1, "step", "1 step"),
        (2, "step", "2 steps"),
        (1200, "request", "1,200 requests"),
        (2, "category", "2 categories"),
        (2, "alias", "2 aliases"),
    ],
)
def test_a_number_of_things_is_said_in_the_singular_or_the_plural(number, word, said):
    assert told.counted(number, word) == said


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ((0.7,), "the last version would have failed"),
        ((0.9,), "the last version would not have failed"),
        ((0.9, 0.7), "1 of the last 2 versions would have failed"),
    ],
)
def test_what_a_gate_would_have_said_of_one_version_is_said_of_one(values, said):
    judged = {"quality": tuple(Judged(number, value) for number, value in enumerate(values))}
    assert gate(Gate(id="quality", metric="roc_auc", min=0.8), judged) == said


@pytest.mark.parametrize(("versions", "said"), [(1, "its 1 version stays in the registry"), (3, "its 3 versions stay in the registry")])
def test_the_versions_of_a_model_that_goes_stay(folder, versions, said):
    state = folder.applied(versions={"upsell": versions})
    gone = {"model/upsell": Recorded("uid", "model/upsell", "model", "", {}, {})}
    state = type(state)(serial=1, resources={**state.resources, **gone}, versions=state.versions, disk=state.disk)
    (item,) = (item for item in folder.plan(state).items if item.address == "model/upsell")
    assert said in item.notes


def test_a_rename_counts_one_deployment_as_one():
    one = Observed({"m/train": Deployment("m/train", "", "", "")}, {"a": Automation("a", "", "", "m/train")})
    assert "in Prefect its 1 deployment and 1 automation are made" in notes(Move("model/m", "model/n"), one)[1]
