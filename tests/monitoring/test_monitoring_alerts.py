from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from sqlmodel import select

from headrace.diagnostics import HeadraceError
from headrace.monitoring import Alert, Drift, Performance
from headrace.store import EventKind
from headrace.store.tables import Alert as Row
from headrace.store.tables import Outbox

DAY = timedelta(days=1)
CHANGES = (EventKind.ALERT_FIRED, EventKind.ALERT_RESOLVED)
DRIFTING = Alert("drifting", when="drift.share > 5%", notify=["ml-log", "ml-team"])
DEGRADED = Alert("degraded", when="performance.roc_auc < 0.8", severity="critical", notify=["ml-team"])


def look(world: Any, *rules: Alert, shift: float | None = None) -> Any:
    """Serve one window (shifted or not), look at it, and judge."""
    if shift is not None:
        world.serve(world.rows(500, shift=shift))
    windows = world.measure(drift=Drift(), performance=Performance("roc_auc"))
    return world.judge(windows, *rules)


def story(world: Any) -> list[tuple[str, str, int]]:
    return [(event.payload["alert"], event.payload["status"], event.payload["window"]["number"]) for event in world.log(*CHANGES)]


def outbox(world: Any) -> list[Outbox]:
    with world.store.read() as session:
        return list(session.exec(select(Outbox).order_by(Outbox.created_at, Outbox.channel)))


@pytest.fixture(autouse=True)
def _champion(world: Any) -> None:
    world.champion(20_000)


def test_an_alert_fires_once_and_is_resolved_once(world: Any) -> None:
    told = [look(world, DRIFTING, shift=shift) for shift in (0, 12, 12, 0, 0)]
    assert [("drifting", "firing", 2), ("drifting", "resolved", 4)] == story(world)
    assert [[], ["drifting"], ["drifting"], [], []] == [alerts.firing for alerts in told]


def test_every_channel_of_the_rule_gets_one_message_a_change(world: Any) -> None:
    for shift in (0, 12, 12, 0):
        look(world, DRIFTING, shift=shift)
    assert [("ml-log", "firing"), ("ml-team", "firing"), ("ml-log", "resolved"), ("ml-team", "resolved")] == [
        (row.channel, row.message["status"]) for row in outbox(world)
    ]


def test_judging_again_changes_nothing(world: Any) -> None:
    world.serve(world.rows(500, shift=12))
    windows = world.measure(drift=Drift())
    world.judge(windows, DRIFTING)
    before = (len(world.log()), len(outbox(world)))
    again = world.judge(windows, DRIFTING)
    assert (["drifting"], [], before) == (again.firing, again.fired, (len(world.log()), len(outbox(world))))


def test_a_run_that_was_killed_before_its_alerts_is_made_up_for(world: Any) -> None:
    world.serve(world.rows(500, shift=12))
    world.measure(drift=Drift())  # … killed here
    assert look(world, DRIFTING).fired == ["drifting"]


def test_an_event_and_its_messages_are_written_together_or_not_at_all(world: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    from headrace import notify

    def killed(*_: Any) -> None:
        raise KeyboardInterrupt

    world.serve(world.rows(500, shift=12))
    windows = world.measure(drift=Drift())
    monkeypatch.setattr(notify, "put", killed)
    with pytest.raises(KeyboardInterrupt):
        world.judge(windows, DRIFTING)
    assert ([], []) == (story(world), outbox(world))


def test_two_windows_in_a_row_are_asked_for_where_the_rule_says_so(world: Any) -> None:
    rule = Alert("drifting", when="drift.share > 5%", windows=2)
    for shift in (12, 0, 12, 12):
        look(world, rule, shift=shift)
    assert [("drifting", "firing", 4)] == story(world)


def test_several_windows_of_one_look_are_each_judged(world: Any) -> None:
    for shift in (0, 12, 0):
        world.serve(world.rows(500, shift=shift))
    alerts = look(world, DRIFTING)
    assert ([("drifting", "firing", 2), ("drifting", "resolved", 3)], []) == (story(world), alerts.firing)


def test_windows_without_a_value_do_not_count(world: Any) -> None:
    world.serve(world.rows(500).assign(target=lambda frame: 1 - frame["target"]))
    early = look(world, DEGRADED)
    world.drive(world.at + 31 * DAY)
    late = look(world, DEGRADED, shift=0)  # the newer window has no answers yet
    assert ([], ["degraded"], [("degraded", "firing", 1)]) == (early.firing, late.fired, story(world))


def test_the_message_tells_features_effects_thresholds_sizes_and_dates(world: Any) -> None:
    look(world, DRIFTING, shift=12)
    (event,) = world.log(EventKind.ALERT_FIRED)
    message = outbox(world)[0].message
    details = message["details"]
    window = world.windows()[0]
    assert message["fingerprint"] == event.payload["fingerprint"]
    assert {"drift.share": window.drift["share"]} == details["values"]
    assert ("psi", 0.1, 0.25) == (details["drift"]["method"], details["drift"]["warning"], details["drift"]["critical_from"])
    assert [("age", 500), ("prediction", 500)] == sorted((item["feature"], item["n"]) for item in details["drifted"])
    assert (window.start.isoformat(), window.end.isoformat(), 500) == tuple(details["window"][key] for key in ("start", "end", "n"))
    assert details["event"] == event.id


def test_the_text_is_for_a_person(world: Any) -> None:
    look(world, DRIFTING, shift=12)
    first, second, third = outbox(world)[0].message["text"].splitlines()
    assert "drift.share > 5% (drift.share = 0.6667)" == first
    assert "window 1: 2016-01-01 to 2016-01-21, 500 predictions" == second
    assert third.startswith("drifted, by psi from 0.1: ")


def test_a_new_rule_over_old_windows_tells_only_what_holds_now(world: Any) -> None:
    for shift in (12, 0, 12, 12):
        look(world, shift=shift)
    look(world, DRIFTING)
    assert [("drifting", "firing", 3)] == story(world)


def test_a_rule_that_says_something_else_is_judged_anew_as_of_today(world: Any) -> None:
    look(world, DRIFTING, shift=12)
    laxer = look(world, Alert("drifting", when="drift.share > 90%", notify=["ml-log"]))
    assert ([("drifting", "firing", 1), ("drifting", "resolved", 1)], []) == (story(world), laxer.firing)


def test_a_rule_whose_text_alone_changes_is_not_told_again(world: Any) -> None:
    look(world, DRIFTING, shift=12)
    look(world, Alert("drifting", when="drift.share > 4%"))
    look(world, Alert("drifting", when="drift.share > 4%"), shift=12)
    assert [("drifting", "firing", 1)] == story(world)


def test_an_alert_whose_rule_is_gone_is_resolved_and_those_who_were_told_are_told(world: Any) -> None:
    look(world, DRIFTING, shift=12)
    alerts = look(world)
    last = outbox(world)[-1].message
    assert (["drifting"], [], "the rule is gone", "ml-team") == (alerts.resolved, alerts.firing, last["text"], outbox(world)[-1].channel)
    assert look(world).resolved == []


def test_a_condition_that_cannot_be_read_names_its_rule(world: Any) -> None:
    with pytest.raises(HeadraceError, match="the alert `odd` cannot be judged"):
        look(world, Alert("odd", when="drift.share >"), shift=0)


def test_the_row_of_an_alert_says_since_when(world: Any) -> None:
    world.drive(world.at + 3 * DAY)
    look(world, DRIFTING, shift=12)
    with world.store.read() as session:
        (row,) = session.exec(select(Row)).all()
    assert ("firing", "drifting", 1, 3 * DAY) == (row.state, row.rule, row.window_number, row.since - world.windows()[0].start + DAY / 24)


def test_handles_cross_a_task_as_json(world: Any) -> None:
    import json
    from dataclasses import asdict

    from pydantic import TypeAdapter

    from headrace.monitoring import Alerts, Windows

    world.serve(world.rows(500, shift=12))
    windows = world.measure(drift=Drift())
    alerts = world.judge(windows, DRIFTING)
    back = (
        TypeAdapter(Windows).validate_python(json.loads(json.dumps(asdict(windows)))),
        TypeAdapter(Alerts).validate_python(json.loads(json.dumps(asdict(alerts)))),
    )
    assert (windows, alerts) == back
