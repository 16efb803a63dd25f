# ruff: noqa: RUF001 - the sign that a plan prints
"""What a plan says of histories: alerts and gates tried on them, a registry that was changed by hand, names that were given anew."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from headrace.diagnostics import Report
from headrace.hooks import load_plugins
from headrace.plan import Action, AliasBack, Selection, prepare, to_json, to_text, told
from headrace.plan.backtest import UNTOLD, alert, gate
from headrace.plan.state import Judged, Seen
from headrace.spec.gates import Gate, Slice

START = datetime(2026, 1, 1, tzinfo=UTC)


def windows(*shares: float | None, every: timedelta = timedelta(days=1)) -> tuple[Seen, ...]:
    return tuple(Seen(n, START + n * every, {"drift.share": share}) for n, share in enumerate(shares, 1))


HIGH, LOW = 0.5, 0.0
RESTLESS = windows(*[HIGH, LOW] * 3, HIGH, HIGH, LOW, *[LOW] * 3)


def test_an_alert_is_tried_on_the_recorded_windows():
    assert alert(("drift.share > 0.1", 2), ("drift.share > 0.1", 1), RESTLESS) == "would have fired 1× instead of 4× in the last 30d"


def test_alerts_are_counted_over_thirty_days_with_what_came_before_in_mind():
    seen = windows(*[HIGH, LOW] * 30)
    assert alert(("drift.share > 0.1", 1), None, seen) == "would have fired 15× in the last 30d"
    lasting = windows(*[HIGH] * 60)
    assert alert(("drift.share > 0.1", 3), ("drift.share > 0.9", 1), lasting) == "would have fired 0× instead of 0× in the last 30d"


def test_where_windows_are_long_the_last_ten_are_counted():
    seen = windows(*[HIGH, LOW] * 20, every=timedelta(weeks=6))
    assert alert(("drift.share > 0.1", 1), None, seen) == "would have fired 5× over the last 10 windows"


def test_windows_that_cannot_tell_are_not_counted():
    assert alert(("drift.share > 0.1", 2), None, windows(HIGH, None, HIGH)) == "would have fired 1× over the last 3 windows"
    assert alert(("performance.roc_auc < 0.8", 1), None, RESTLESS) is None
    assert alert(("drift.share > 0.1", 1), None, ()) is None


def test_a_changed_alert_says_so_in_the_plan(folder):
    state = folder.applied(windows={"employment": RESTLESS})
    folder.edit("employment.yaml", 'when: "drift.share > 0.05", severity', 'when: "drift.share > 0.05", for: 2 windows, severity')
    (item,) = folder.plan(state).items
    assert [(c.path, c.note) for c in item.changes] == [
        ("monitoring.alerts[drifting].for", "would have fired 1× instead of 4× in the last 30d")
    ]


def test_a_comparison_is_tried_by_the_bad_end_of_its_interval():
    wanted = Gate(id="champion", metric="roc_auc", versus="champion", worse_by_at_most=0.01)
    judged = {"champion": (Judged(3, 0.0, -0.02, 0.02), Judged(2, 0.0, -0.005, 0.02), Judged(1, 0.0))}
    assert gate(wanted, judged, "higher") == "1 of the last 2 versions would have failed"
    assert gate(wanted, judged, None) is None


def registry(**changes):
    held = {"employment": {"champion": 2, "previous": 1}}
    return {"aliases": held, "logged": held, "numbers": {"employment": frozenset({1, 2})}, **changes}


def outside(plan):
    return [(item.address, item.notes) for item in plan.items if item.action is Action.OUTSIDE]


def test_a_registry_as_headrace_left_it_shows_nothing(folder):
    assert folder.plan(folder.applied(**registry()), folder.observed()).empty


@pytest.mark.parametrize(
    ("aliases", "note", "back"),
    [
        ({"champion": 1, "previous": 1}, "alias champion was moved to version 1 in the registry: apply would put it back to version 2", 2),
        ({"previous": 1}, "alias champion was taken away in the registry: apply would put it back to version 2", 2),
    ],
)
def test_an_alias_that_was_moved_by_hand_would_be_put_back(folder, aliases, note, back):
    plan = folder.plan(folder.applied(**registry(aliases={"employment": aliases})), folder.observed())
    assert outside(plan) == [("model/employment", (note,))]
    assert plan.aliases == (AliasBack("employment", "champion", back),)


def test_an_alias_that_nobody_gave_would_be_taken_away(folder):
    aliases = {"champion": 2, "previous": 1, "mine": 1}
    plan = folder.plan(folder.applied(**registry(aliases={"employment": aliases})), folder.observed())
    assert plan.aliases == (AliasBack("employment", "mine", None),)


def test_a_champion_that_was_deleted_is_said_and_not_promised_back(folder):
    plan = folder.plan(folder.applied(**registry(numbers={"employment": frozenset({1})})), folder.observed())
    assert outside(plan) == [("model/employment", ("version 2, its champion, is gone from the registry: apply cannot bring it back",))]
    assert plan.aliases == ()


def rename(folder):
    """Call the model `work`, and say so."""
    folder.edit("employment.yaml", "name: employment", "name: work")
    folder.edit("replay.yaml", "model: employment", "model: work")
    folder.edit("headrace.yaml", "language: 1", "language: 1\nmoved: [{from: model/employment, to: model/work}]")


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"deciding": frozenset({"employment"})}, "its rollout has not ended, and another name would deal its units anew"),
        ({"training": frozenset({"employment"})}, "a training of it is going on, and ends under the old name"),
        ({"versions": {"employment": 1, "work": 3}}, "the registry has versions of a model/work that was there before"),
    ],
)
def test_a_rename_that_would_lose_something_is_blocked(folder, changes, why):
    state = folder.applied(**changes)
    rename(folder)
    (item,) = (item for item in folder.plan(state).items if item.action is Action.MOVE)
    assert (item.address, item.before, item.blocked) == ("model/work", "model/employment", why)


def test_a_rename_reaches_every_reference_and_costs_nothing(folder):
    state = folder.applied()
    rename(folder)
    plan = folder.plan(state)
    assert {(item.action, item.address) for item in plan.items} == {(Action.MOVE, "model/work"), (Action.CHANGE, "project/labour")}
    assert plan.train == ()


def test_records_that_came_in_under_the_old_name_are_taken_along_later(folder):
    rename(folder)
    state = folder.applied(stragglers=frozenset({"model/employment"}))
    (item,) = folder.plan(state).items
    assert (item.action, item.before) == (Action.MOVE, "model/employment")
    (note,) = item.notes
    assert note.startswith("records came in as model/employment after it was moved: apply takes them along")


def test_a_rename_says_what_is_made_anew_in_prefect(folder):
    state, observed = folder.applied(), folder.observed()
    rename(folder)
    (item,) = (item for item in folder.plan(state, observed).items if item.action is Action.MOVE)
    assert item.notes == (
        "its versions, aliases and history stay, and nothing is trained",
        "in Prefect its 4 deployments and 2 automations are made under the new name, and the old ones go; past runs keep the old name",
    )
    text = to_text(to_json(folder.plan(state, observed)))
    assert "moved from model/employment\n      its versions" in text
    assert "no effect" not in text


def test_a_model_that_is_gone_beside_one_nearly_equal_is_asked_about(folder):
    state = folder.applied()
    folder.edit("replay.yaml", "model: employment", "model: work")
    folder.edit("employment.yaml", "name: employment", "name: work")
    folder.edit("employment.yaml", "min: 0.85}", "min: 0.84}")
    (gone,) = (item for item in folder.plan(state).items if item.action is Action.REMOVE)
    assert any("was it renamed? `moved: [{from: model/employment, to: model/work}]`" in note for note in gone.notes)


def test_a_model_that_is_gone_beside_quite_another_is_not_asked_about(folder):
    state = folder.applied()
    folder.edit("replay.yaml", "model: employment", "model: work")
    folder.edit("employment.yaml", "name: employment", "name: work")
    folder.edit("employment.yaml", "use: {person: all}", "use: {person: [age, sex]}")
    (gone,) = (item for item in folder.plan(state).items if item.action is Action.REMOVE)
    assert not any("renamed" in note for note in gone.notes)


def test_what_is_still_read_by_what_was_left_out_cannot_go(folder):
    state = folder.applied()
    path = folder.root / "specs" / "replay.yaml"
    text = (folder.root / "specs" / "sources.yaml").read_text()
    head, _, tail = text.partition("---\nkind: source\nname: census_labels")
    assert tail
    (folder.root / "specs" / "sources.yaml").write_text(head)
    path.unlink()
    made = prepare(folder.project(), "/srv/labour", state, None, Selection(("source/census_labels",)))
    (item,) = made.plan.blocked
    assert (item.address, item.blocked) == ("source/census_labels", "backtest/census-2016-2018, as last applied, still reads it")
    whole = prepare(folder.project(), "/srv/labour", state, None)
    assert (whole.plan.blocked, whole.plan.count(Action.REMOVE)) == ((), 2)


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        (0.05, 0.1, "0.05 → 0.1"),
        (None, {"a": None, "b": 1}, 'none → {"b": 1}'),
        ("x" * 60 + "old" + "y" * 60, "x" * 60 + "new" + "y" * 60, "…xxxxxxxxxxoldyyyyyyyyyy… → …xxxxxxxxxxnewyyyyyyyyyy…"),
        ("a" * 60, "a" * 60 + "!", "…aaaaaaaaaa → …aaaaaaaaaa!"),
        (list(range(40)), [*range(1, 40), 99], "+99 -0 (of 40)"),
        (["a" * 30, "b" * 30], ["b" * 30, "a" * 30], None),
    ],
)
def test_what_is_shown_of_long_values_is_what_differs(old, new, said):
    found = told.values(old, new)
    assert len(found) <= 2 * told.LONG + 10
    assert said is None or found == said


def test_the_reference_metrics_know_which_way_is_better():
    assert {"higher", "lower"} >= {metric.better for metric in load_plugins(None, Report()).metrics.values()}


def test_the_weight_of_a_canary_is_the_running_systems_own(folder):
    state = folder.applied(**registry(), deciding=frozenset({"employment"}))
    assert folder.plan(state, folder.observed()).empty
    assert folder.plan(replace(state, deciding=frozenset()), folder.observed()).empty


def test_a_plugins_gate_is_not_told_from_records(folder):
    folder.edit("employment.yaml", "  - {id: fast,     metric: latency_p99, max: 40ms}\n", "  - {id: fast, gate: prediction_spread}\n")
    state = folder.applied(verdicts={"employment": {"fast": (Judged(1, 0.3),)}})
    folder.edit("employment.yaml", "gate: prediction_spread", "gate: prediction_spread, params: {min: 0.1}")
    (item,) = folder.plan(state).items
    assert [(c.path, c.effect.word, c.note) for c in item.changes] == [("gates[fast].params.min", "re-evaluate", UNTOLD)]
    assert [c.note for item in folder.plan(replace(state, verdicts={})).items for c in item.changes] == [None]


def test_what_was_measured_as_a_difference_says_nothing_of_a_bound_nor_the_other_way_round():
    value, difference, slice_ = (
        Judged(3, 0.9, 0.85, 0.95, "value"),
        Judged(2, 0.01, -0.02, 0.03, "difference"),
        Judged(1, 0.5, 0.4, 0.6, "slice"),
    )
    judged = {"g": (value, difference, slice_)}
    bound = Gate(id="g", metric="roc_auc", min=0.88)
    versus = Gate(id="g", metric="roc_auc", versus="baseline", worse_by_at_most=0.01)
    assert "the last version would not have failed" == gate(bound, judged, "higher")
    assert "the last version would have failed" == gate(versus, judged, "higher")


def test_what_must_be_proven_goes_by_the_recorded_interval():
    judged = {"g": (Judged(2, 0.9, 0.85, 0.95, "value"), Judged(1, 0.9))}
    proven = Gate(id="g", metric="roc_auc", min=0.88, proven=True)
    assert "2 of the last 2 versions would have failed" == gate(proven, judged, "higher")
    assert "the last version would not have failed" == gate(
        Gate(id="g", metric="roc_auc", versus="baseline", better_by_at_least=0.01),
        {"g": (Judged(1, 0.03, 0.02, 0.04, "difference"),)},
        "higher",
    )


def test_of_slices_nothing_is_told():
    sliced = Gate(id="g", metric="roc_auc", min=0.88, slices=(Slice(by="sex"),))
    assert UNTOLD == gate(sliced, {"g": (Judged(1, 0.9),)}, "higher")
