"""P24: however answers arrive, each window's performance is that of its own rows and answers, told once, in one unbroken series."""

from datetime import timedelta

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from monitored_values import AT, MODEL, storing, told
from sqlmodel import insert, select

from headrace.builtin.metrics.probability import brier
from headrace.diagnostics import Report
from headrace.hooks import load_plugins
from headrace.monitoring import Performance, measure
from headrace.store import EventKind, clock
from headrace.store.tables import Outcome, Prediction, Window

DAY = timedelta(days=1)
PLUGINS = load_plugins(None, Report(), allow=[])
WATCH = measure.Watch(MODEL, 20, DAY, None, Performance("brier", min_labels=5), delay=10 * DAY)


def predictions(scores):
    same = {"model": MODEL, "version": 1, "arm": "champion", "epoch": 1, "latency_us": 1, "inputs": {}, "error": None, "unseen": []}
    times = [AT + n * DAY / 20 for n in range(len(scores))]
    return [
        {**same, "id": f"p{n}", "entity": str(n), "output": score, "at": at, "recorded_at": at}
        for n, (score, at) in enumerate(zip(scores, times, strict=True))
    ]


@settings(max_examples=12, deadline=None)
@given(
    seed=st.integers(0, 2**32 - 1),
    windows=st.integers(1, 4),
    late=st.floats(0, 0.3),
    looks=st.lists(st.integers(0, 40), min_size=1, max_size=4),
)
def test_every_window_is_measured_by_its_own_answers_once(seed, windows, late, looks):
    rng = np.random.default_rng(seed)
    scores, answers = rng.random(20 * windows + 7), rng.integers(0, 2, 20 * windows + 7)
    delays = np.where(rng.random(len(scores)) < late, 400, rng.integers(1, 10, len(scores)))
    rows = predictions(scores.tolist())
    known = [row["at"] + int(delay) * DAY for row, delay in zip(rows, delays, strict=True)]
    outcomes = [
        {"model": MODEL, "entity": row["entity"], "value": float(answer), "known_at": at}
        for row, answer, at in zip(rows, answers, known, strict=True)
    ]
    expected = {}
    with storing() as store:
        with store.transaction("test", "ship", MODEL) as session:
            session.execute(insert(Prediction), rows)
            session.execute(insert(Outcome), outcomes)
        for day in sorted({*looks, 60}):
            now = AT + day * DAY
            clock.drive(store, "test", now)
            measure.measure(store, PLUGINS, WATCH, actor="service:monitor", run_id="run")
            for number in range(1, windows + 1):
                own = [n for n in range(20 * number - 20, 20 * number) if known[n] <= now]
                passed = rows[20 * number - 1]["at"] + 10 * DAY <= now
                if number not in expected and len(own) >= 5 and (passed or len(own) >= 19):
                    expected[number] = (len(own), brier(answers[own].astype(float), scores[own]))
        with store.read() as session:
            series = {window.number: window for window in session.exec(select(Window).order_by(Window.number))}
        events = told(store, EventKind.WINDOW_LABELLED)
    assert list(range(1, windows + 1)) == list(series)
    assert expected == {event["window"]: (event["n"], event["value"]) for event in events}
    assert len(expected) == len(events)
    assert expected == {n: (w.performance["n"], w.performance["value"]) for n, w in series.items() if w.performance["status"] == "ok"}
