"""What a replay tells."""

from datetime import UTC, date, datetime, timedelta
from typing import Any

from headrace.backtest.page import page
from headrace.backtest.summary import expectations, incident_of, summarise, text
from headrace.spec.backtest import Backtest, Expectation
from headrace.store.events import EventKind
from headrace.store.tables import Event

DAY = datetime(2017, 1, 1, tzinfo=UTC)
BACKTEST = Backtest.model_validate(
    {
        "kind": "backtest",
        "name": "later",
        "model": "employment",
        "replay": {"source": "census_later", "labels": "census_labels", "from": 2016, "to": 2019, "spread": "year"},
        "expect": {"retrainings": (1, 2), "promotions": (0, 0), "champion_min": 0.9},
    }
)
INCIDENTS = [("recode", DAY, DAY + timedelta(days=30)), ("for-ever", DAY + timedelta(days=300), None)]


def event(kind: EventKind, days: int, **payload: Any) -> Event:
    return Event(
        id=f"{kind}-{days}",
        model="employment",
        kind=kind,
        payload=payload,
        actor="service:test",
        at=DAY + timedelta(days=days),
        recorded_at=DAY,
    )


def window(number: int, start: int, end: int, value: float | None) -> dict[str, Any]:
    return {
        "number": number,
        "start": DAY + timedelta(days=start),
        "end": DAY + timedelta(days=end),
        "version": 1,
        "drift": {"share": 0.1, "max": 0.2},
        "estimate": {"value": 0.91},
        "performance": None if value is None else {"value": value},
        "unseen_share": 0.0,
    }


def summary() -> dict[str, Any]:
    log = [
        event(EventKind.CANDIDATE_REGISTERED, -400, number=1),
        event(EventKind.ALERT_FIRED, 20, rule="drifting", window={"number": 1}),
        event(EventKind.ALERT_FIRED, 120, rule="degraded", window={"number": 2}),
        event(EventKind.RETRAINING_REQUESTED, 120, reason="alert.degraded <b>"),
        event(EventKind.ALIAS_MOVED, 121, alias="champion"),
    ]
    return summarise(
        BACKTEST,
        log,
        [window(1, 5, 40, 0.95), window(2, 60, 100, 0.85), window(3, 310, 330, None)],
        incidents=INCIDENTS,
        counts={"requests": 10},
    )


def test_an_alert_over_an_incident_is_injected_and_another_is_natural() -> None:
    assert [("drifting", "injected", ["recode"]), ("degraded", "natural", [])] == [
        (alert["rule"], alert["cause"], alert["incidents"]) for alert in summary()["alerts"]
    ]


def test_an_incident_without_an_end_lasts() -> None:
    assert ["for-ever"] == incident_of(DAY + timedelta(days=900), DAY + timedelta(days=901), INCIDENTS)
    assert [] == incident_of(DAY - timedelta(days=3), DAY - timedelta(days=1), INCIDENTS)


def test_what_happened_is_counted_from_the_log() -> None:
    happened = summary()["happened"]
    assert {"retrainings": 1, "trainings": 1, "alerts": 2, "alerts_injected": 1, "windows": 3} == {
        key: happened[key] for key in ("retrainings", "trainings", "alerts", "alerts_injected", "windows")
    }


def test_each_expectation_is_judged_by_what_was_found() -> None:
    assert {"retrainings": True, "promotions": True, "champion_min": False} == {
        item["expect"]: item["met"] for item in summary()["expectations"]
    }


def test_without_a_labelled_window_nothing_is_met() -> None:
    assert [False] == [item["met"] for item in expectations(Expectation(champion_min=0.5), {}, [{"performance": None}])]
    assert [] == expectations(None, {}, [])


def test_the_timeline_tells_events_in_words_and_leaves_bookkeeping_out() -> None:
    assert ["version 1 trained", "alert drifting fired", "alert degraded fired", "retraining requested: alert.degraded <b>"] == [
        entry["text"] for entry in summary()["timeline"]
    ]


def test_the_text_names_windows_alerts_and_missed_expectations() -> None:
    told = text(summary())
    assert "MISSED champion_min: wanted at least 0.9 in the last labelled window, found 0.85" in told
    assert "drifting: injected (recode)" in told


def test_the_page_escapes_what_it_is_told() -> None:
    shown = page(summary())
    assert "alert.degraded &lt;b&gt;" in shown
    assert "<polyline" in shown


def test_days_and_years_are_read() -> None:
    assert (date(2016, 1, 1), date(2019, 1, 1)) == (BACKTEST.replay.from_, BACKTEST.replay.to)
