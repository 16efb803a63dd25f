from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from headrace.retraining.decide import Decline, Facts, Reason, Request, decide
from headrace.retraining.triggers import OnAlert, OnSchedule

NOW = datetime(2026, 7, 6, 12, tzinfo=UTC)
DAY = timedelta(days=1)
DEGRADED = OnAlert("degraded", alert="degraded", cooldown=7 * DAY, new_labels=100)
WEEKLY = OnSchedule("weekly", cron="0 3 * * 1", cooldown=DAY)
FIRING = Facts(now=NOW, firing={"degraded": NOW - DAY}, looked=NOW - DAY, trained=NOW - 30 * DAY, new_labels=500)
QUIET = replace(FIRING, firing={})


def reasons(facts: Facts, *triggers: OnAlert | OnSchedule) -> Any:
    decided = decide(facts, triggers)
    return decided.trigger.id if isinstance(decided, Request) else [(item.trigger.id, item.reason) for item in decided]


def test_an_alert_that_fires_asks_for_a_training() -> None:
    assert Request(DEGRADED, "alert.degraded fires since 2026-07-05 12:00 UTC") == decide(FIRING, [DEGRADED])


def test_nothing_asks_when_nothing_fires_and_no_tick_has_come() -> None:
    assert () == decide(replace(QUIET, looked=NOW - timedelta(hours=1)), [DEGRADED, WEEKLY])


def test_another_alert_asks_for_nothing() -> None:
    assert () == decide(replace(FIRING, firing={"drifting": NOW}), [DEGRADED])


@pytest.mark.parametrize(
    ("known", "reason"),
    [
        ({"requested": True}, Reason.ALREADY_REQUESTED),
        ({"training": True}, Reason.TRAINING),
        ({"candidate": True}, Reason.CANDIDATE),
        ({"trained": NOW - 6 * DAY}, Reason.COOLDOWN),
        ({"new_labels": 99}, Reason.NEW_LABELS),
    ],
)
def test_a_trigger_is_declined_with_its_reason(known: dict[str, Any], reason: Reason) -> None:
    assert [("degraded", reason)] == reasons(replace(FIRING, **known), DEGRADED)


def test_bounds_are_reached_at_their_own_value() -> None:
    assert reasons(replace(FIRING, trained=NOW - 7 * DAY, new_labels=100), DEGRADED) == "degraded"


def test_a_model_that_was_never_trained_here_has_no_cooldown() -> None:
    assert reasons(replace(FIRING, trained=None), DEGRADED) == "degraded"


def test_a_decline_says_what_is_lacking() -> None:
    decided = decide(replace(FIRING, new_labels=99), [DEGRADED])
    assert (Decline(DEGRADED, Reason.NEW_LABELS, "99 new labels are known, and 100 are needed"),) == decided


def test_a_tick_since_the_last_look_asks() -> None:
    assert Request(WEEKLY, "schedule `0 3 * * 1`") == decide(QUIET, [DEGRADED, WEEKLY])


def test_a_tick_before_anyone_looked_asks_for_nothing() -> None:
    assert () == decide(replace(QUIET, looked=None), [WEEKLY])


def test_a_tick_that_met_a_candidate_asks_again_at_the_next_look() -> None:
    assert reasons(replace(QUIET, looked=NOW - timedelta(hours=1), waiting=frozenset({"weekly"})), WEEKLY) == "weekly"


def test_the_first_trigger_that_may_train_wins_over_one_that_may_not() -> None:
    assert reasons(replace(FIRING, new_labels=0), DEGRADED, WEEKLY) == "weekly"
