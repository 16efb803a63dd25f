from __future__ import annotations

from dataclasses import replace

import pytest

from headrace.plan import Action, Recorded, canonical, to_json, to_text
from headrace.plan.state import Judged
from headrace.plan.wanted import digest
from headrace.spec import Effect


def changes(plan, address):
    return [(c.path, c.old, c.new, c.effect) for item in plan.items if item.address == address for c in item.changes]


def test_what_is_applied_plans_nothing(folder):
    assert folder.plan(folder.applied(), folder.observed()).empty


def test_a_new_project_adds_every_spec_and_trains_its_model(folder):
    plan = folder.plan()
    assert {item.address: item.action for item in plan.items} == {str(address): Action.ADD for address in folder.project().specs}
    assert [(t.model, t.why) for t in plan.train] == [("employment", "it has no version yet")]


def test_a_changed_parameter_says_its_line_and_retrains(folder):
    state = folder.applied()
    folder.edit("employment.yaml", "learning_rate: 0.05", "learning_rate: 0.1")
    plan = folder.plan(state, folder.observed())
    (item,) = plan.items
    assert (item.action, item.effects) == (Action.CHANGE, (Effect.RETRAIN,))
    (change,) = item.changes
    assert (change.path, change.old, change.new) == ("training.params.learning_rate", 0.05, 0.1)
    assert change.place == "specs/employment.yaml:17"
    assert [t.why for t in plan.train] == ["model/employment changed"]


@pytest.mark.parametrize(
    ("old", "new", "path", "effect"),
    [
        ("min: 0.85}", "min: 0.86}", "gates[quality].min", Effect.RE_EVALUATE),
        ("port: 8080", "port: 8081", "serving.port", Effect.REDEPLOY),
        ("weight: 20%", "weight: 10%", "rollout.steps[0].weight", Effect.RECONFIGURE),
        ("over: 250ms", "over: 300ms", "rollout.judge[slow_request].over", Effect.RECONFIGURE),
        ("severity: warning", "severity: info", "monitoring.alerts[drifting].severity", Effect.RECONFIGURE),
        ("owner: labour-statistics", "owner: somebody", "owner", Effect.METADATA),
        ("use: {person: all}", "use: {person: [age, sex]}", "features.use.person", Effect.BREAKING),
        ("{by: random, holdout: 20%", "{by: random, holdout: 30%", "training.split.holdout", Effect.RETRAIN),
    ],
)
def test_a_change_has_its_fields_effect(folder, old, new, path, effect):
    state = folder.applied()
    folder.edit("employment.yaml", old, new)
    assert [(c[0], c[3]) for c in changes(folder.plan(state), "model/employment")] == [(path, effect)]


def test_a_changed_source_retrains_the_models_that_read_it(folder):
    state = folder.applied()
    folder.edit("sources.yaml", "seed: 7", "seed: 8")
    plan = folder.plan(state)
    assert changes(plan, "source/census") == [("arrival.seed", 7, 8, Effect.RETRAIN)]
    assert [t.why for t in plan.train] == ["source/census changed"]


def test_a_view_reaches_the_model_through_its_features(folder):
    state = folder.applied()
    folder.edit("features.yaml", "range: [0, 120]", "range: [0, 110]")
    assert [t.why for t in folder.plan(state).train] == ["feature_view/person changed"]


@pytest.mark.parametrize(
    ("file", "old", "new", "field"),
    [
        ("features.yaml", "  race:               {", "  colour:             {", "feature_view/person features.race"),
        ("features.yaml", "features:\n", "features:\n  birth: {column: age}\n", "feature_view/person features.birth"),
        ("features.yaml", "range: [0, 120]", "range: [0, 99]", "feature_view/person features.age.range"),
        ("sources.yaml", "{from: SCHL, type: category}", "{from: SCHL, type: int64}", "source/census columns.education.type"),
    ],
)
def test_other_inputs_break_those_who_ask(folder, file, old, new, field):
    state = folder.applied()
    folder.edit(file, old, new)
    plan = folder.plan(state)
    found = {f"{item.address} {change.path}": change.effect for item in plan.items for change in item.changes}
    assert (Effect.BREAKING, True) == (found[field], bool(plan.train))


def test_the_same_input_from_another_column_breaks_nobody(folder):
    state = folder.applied()
    folder.edit("features.yaml", "race:               {column: race", "race:               {column: sex")
    assert [("features.race.column", "race", "sex", Effect.RETRAIN)] == changes(folder.plan(state), "feature_view/person")


def test_a_changed_source_that_no_model_is_trained_on_costs_nothing(folder):
    state = folder.applied()
    folder.edit("sources.yaml", "employment_MA_analysis_target.pq", "employment_MA_other_target.pq")
    plan = folder.plan(state)
    assert [c[3] for c in changes(plan, "source/census_labels")] == [Effect.METADATA]
    assert plan.train == ()


def test_a_default_that_a_release_changed_is_metadata(folder):
    state = folder.applied()
    old = state.resources["model/employment"]
    spec = {**old.spec, "serving": {**old.spec["serving"], "max_rows": 500}}
    state = replace(state, resources={**state.resources, "model/employment": replace(old, fingerprint=digest(spec), spec=spec)})
    assert changes(folder.plan(state), "model/employment") == [("serving.max_rows", 500, 1000, Effect.METADATA)]


def test_a_default_that_somebody_wrote_down_before_keeps_its_effect(folder):
    folder.edit("employment.yaml", "port: 8080", "port: 8080\n  max_rows: 500")
    state = folder.applied()
    folder.edit("employment.yaml", "\n  max_rows: 500", "")
    assert changes(folder.plan(state), "model/employment") == [("serving.max_rows", 500, 1000, Effect.REDEPLOY)]


def test_a_removed_gate_is_named_by_its_id(folder):
    state = folder.applied()
    folder.edit("employment.yaml", "  - {id: fast,     metric: latency_p99, max: 40ms}\n", "")
    ((path, old, new, effect),) = changes(folder.plan(state), "model/employment")
    assert (path, old["metric"], new, effect) == ("gates[fast]", "latency_p99", None, Effect.RE_EVALUATE)


def test_gates_in_another_order_are_metadata(folder):
    state = folder.applied()
    line = "  - {id: fast,     metric: latency_p99, max: 40ms}\n"
    folder.edit("employment.yaml", line, "")
    folder.edit("employment.yaml", "  - {id: quality,", f"{line}  - {{id: quality,")
    assert [(c[0], c[3]) for c in changes(folder.plan(state), "model/employment")] == [("gates (order)", Effect.METADATA)]


def test_a_changed_gate_is_tried_on_the_last_versions(folder):
    judged = {"quality": tuple(Judged(n, 0.80 + n / 100) for n in range(10, 0, -1))}
    state = folder.applied(verdicts={"employment": judged})
    folder.edit("employment.yaml", "min: 0.85}", "min: 0.84}")
    (item,) = folder.plan(state).items
    assert [c.note for c in item.changes] == ["3 of the last 10 versions would have failed"]


def test_a_gate_on_a_duration_is_tried_in_seconds(folder):
    state = folder.applied(verdicts={"employment": {"fast": (Judged(2, 0.035), Judged(1, 0.02))}})
    folder.edit("employment.yaml", "max: 40ms", "max: 30ms")
    (item,) = folder.plan(state).items
    assert [c.note for c in item.changes] == ["1 of the last 2 versions would have failed"]


def test_a_removed_model_is_retired_and_keeps_its_history(folder):
    state = folder.applied(aliases={"upsell": {"champion": 2}}, logged={"upsell": {"champion": 2}}, numbers={"upsell": frozenset({1, 2})})
    gone = Recorded("uid", "model/upsell", "model", "", {}, {})
    state = replace(state, resources={**state.resources, "model/upsell": gone}, versions={"employment": 1, "upsell": 2})
    (item,) = folder.plan(state).items
    assert (item.action, item.address) == (Action.REMOVE, "model/upsell")
    assert item.notes == (
        "its 2 versions stay in the registry",
        "its alias champion stays; `headrace up` stops its server, and any other is stopped by whoever runs it",
    )


def test_a_model_that_comes_back_with_versions_is_not_trained(folder):
    assert folder.plan(replace(folder.applied(), resources={})).train == ()


def test_a_model_in_training_is_not_trained_again(folder):
    assert folder.plan(replace(folder.applied(), resources={}, versions={}, training=frozenset({"employment"}))).train == ()


def test_a_training_that_an_interrupted_apply_owes_is_started_by_its_own_key(folder):
    plan = folder.plan(folder.applied(pending={"employment": "sha256:x:employment"}))
    assert [(t.model, t.key) for t in plan.train] == [("employment", "sha256:x:employment")]


def test_compiled_files_that_stand_otherwise_are_in_the_plan(folder):
    state = folder.applied()
    disk = {**state.disk, "flows/employment.py": "sha256:other", "flows/upsell.py": "sha256:old"}
    plan = folder.plan(replace(state, disk=disk))
    assert [(f.path, f.action) for f in plan.files] == [("flows/employment.py", "write"), ("flows/upsell.py", "delete")]


def test_a_deployment_that_compiles_differently_is_put_again(folder):
    state = folder.applied()
    old = state.resources["model/employment"]
    applied = {**old.applied, "deployments": {**old.applied["deployments"], "employment/train": "sha256:other"}}
    state = replace(state, resources={**state.resources, "model/employment": replace(old, applied=applied)})
    assert [(c[0], c[3]) for c in changes(folder.plan(state), "model/employment")] == [("deployments[train]", Effect.RECONFIGURE)]


def test_the_digest_moves_with_the_state_and_with_the_specs(folder):
    first = folder.plan(folder.applied())
    assert first.digest == folder.plan(folder.applied()).digest
    assert first.digest != folder.plan(folder.applied(serial=2)).digest
    folder.edit("employment.yaml", "owner: labour-statistics", "owner: somebody")
    assert first.digest != folder.plan(folder.applied()).digest


def test_two_folders_with_the_same_specs_give_the_same_bytes(make_folder):
    one, other = make_folder("one"), make_folder("other")
    assert canonical(one.plan()) == canonical(other.plan())


def test_a_rollout_says_what_its_traffic_can_decide(folder):
    (found,) = folder.plan().forecasts
    assert (found.model, found.requests, found.needed) == ("employment", 831, 214)


def test_a_model_that_is_not_served_has_no_forecast(folder):
    folder.edit("employment.yaml", "  traffic: 27/d", "  # traffic: 27/d")
    assert folder.plan().forecasts == ()


def test_a_changed_gate_has_the_newest_version_judged_again(folder):
    state = folder.applied(versions={"employment": 3})
    folder.edit("employment.yaml", "min: 0.85}", "min: 0.80}")
    plan = folder.plan(state, folder.observed())
    assert [("employment", 3, "its gates changed")] == [(one.model, one.number, one.why) for one in plan.judge]
    assert () == plan.train
    assert "  * version 3 of model/employment would be judged again: its gates changed" in to_text(to_json(plan))


def test_a_model_that_is_trained_anew_or_has_no_version_is_not_judged_again(folder):
    state = folder.applied()
    folder.edit("employment.yaml", "min: 0.85}", "min: 0.80}")
    assert () == folder.plan(replace(state, versions={})).judge
    folder.edit("employment.yaml", "learning_rate: 0.05", "learning_rate: 0.1")
    plan = folder.plan(state)
    assert (["employment"], ()) == ([t.model for t in plan.train], plan.judge)


def test_a_judgement_that_an_interrupted_apply_owes_or_that_failed_is_made_after_all(folder):
    owed = folder.plan(folder.applied(to_judge={"employment": "old:employment:judge"}), folder.observed())
    assert ["old:employment:judge"] == [one.key for one in owed.judge]
    assert "Plan: 1 judgement to start." in to_text(to_json(owed))
    failed = folder.plan(folder.applied(unjudged={"employment": "r7"}), folder.observed())
    assert (["its last judgement failed"], False) == ([one.why for one in failed.judge], failed.empty)


def test_a_training_that_goes_on_judges_by_the_old_gates_and_the_plan_says_so(folder):
    state = folder.applied(training=frozenset({"employment"}))
    folder.edit("employment.yaml", "min: 0.85}", "min: 0.80}")
    (note,) = folder.plan(state, folder.observed()).notes
    assert "type `headrace run judge employment`" in note


def test_a_plan_says_that_a_rollout_is_tried_on_some_and_is_then_for_all(folder):
    state = folder.applied()
    folder.edit("employment.yaml", "  unit: person_id ", '  only: {disability: ["1"]}\n  unit: person_id ')
    plan = folder.plan(state, folder.observed())
    assert ("model/employment: its rollout is tried on those whose disability it names, and is then for all",) == plan.notes
    (item,) = plan.items
    assert [("rollout.only.disability", Effect.RECONFIGURE)] == [(change.path, change.effect) for change in item.changes]


def test_a_deployment_that_a_release_adds_is_in_the_plan(folder):
    state = folder.applied()
    applied = state.resources["model/employment"].applied
    fewer = {name: version for name, version in applied["deployments"].items() if name != "employment/judge"}
    resources = {**state.resources}
    resources["model/employment"] = replace(resources["model/employment"], applied={**applied, "deployments": fewer})
    (item,) = folder.plan(replace(state, resources=resources)).items
    assert [("deployments[judge]", "the compiler makes one more")] == [(change.path, change.note) for change in item.changes]
