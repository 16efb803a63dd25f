from __future__ import annotations

import json
from dataclasses import replace

from headrace.plan import Observed, Recorded, canonical, to_json, to_text
from headrace.plan.state import Judged


def text(plan):
    return to_text(json.loads(json.dumps(to_json(plan))))


def test_a_plan_without_changes_says_so(folder):
    assert text(folder.plan(folder.applied(), folder.observed())) == "Plan: no changes. 10 unchanged."


def test_a_change_is_told_with_values_effect_line_and_backtest(folder):
    state = folder.applied(verdicts={"employment": {"quality": (Judged(1, 0.83),)}})
    folder.edit("employment.yaml", "learning_rate: 0.05", "learning_rate: 0.1")
    folder.edit("employment.yaml", "min: 0.85}", "min: 0.84}")
    assert text(folder.plan(state, folder.observed())).splitlines() == [
        "  ~ model/employment                                         retrain, re-evaluate",
        "      training.params.learning_rate  0.05 → 0.1   retrain      specs/employment.yaml:17",
        "      gates[quality].min             0.85 → 0.84  re-evaluate  specs/employment.yaml:23   the last version would have failed",
        "  ~ flows/employment.py   would be written",
        "  * model/employment would be trained: model/employment changed",
        "    model/employment: its traffic gives a candidate 831 requests over all steps; 214 without a failure are needed: enough",
        "Plan: 1 to change, 1 file to write or delete, 1 training to start. Effects: 1 retrain, 1 re-evaluate.",
        "Nothing was changed. `headrace apply` carries it out.",
    ]


def test_a_plan_without_prefect_says_that_it_does_not_know(folder):
    assert "observed: unknown" in text(folder.plan(folder.applied()))
    assert to_json(folder.plan(folder.applied()))["observed"] == "unknown"


def test_additions_removals_and_outside_changes_are_told(folder):
    state = folder.applied()
    gone = {"model/upsell": Recorded("uid", "model/upsell", "model", "", {}, {})}
    kept = {name: r for name, r in state.resources.items() if name != "channel/ml-log"}
    disk = {**state.disk, "flows/upsell.py": "x"}
    told = text(folder.plan(replace(state, resources=kept | gone, disk=disk), Observed({}, dict(folder.wanted().automations))))
    assert "  + channel/ml-log                                           new   specs/channels.yaml:2" in told
    assert "  - model/upsell                                             removed" in told
    assert "  ! model/employment   changed outside: employment/train is missing in Prefect: apply would make it again" in told
    assert "  - flows/upsell.py   stale: it would be deleted" in told


def test_a_new_model_is_told_with_its_training(folder):
    assert "  + model/employment                                         new, train   specs/employment.yaml:2" in text(folder.plan())


def test_long_values_are_cut_and_missing_ones_left_out(folder):
    state = folder.applied()
    folder.edit("employment.yaml", "  - {id: fast,     metric: latency_p99, max: 40ms}\n", "")
    told = text(folder.plan(state))
    assert 'gates[fast]  {"id": "fast", "metric": "latency_p99", "max": … → none  re-evaluate' in told


def test_canonical_bytes_read_back_as_the_json_view(folder):
    plan = folder.plan()
    assert json.loads(canonical(plan)) == to_json(plan)
