"""P27: an alert starts a training exactly when nothing forbids it, and never a second one while the first is unanswered."""

from datetime import timedelta
from itertools import pairwise

from hypothesis import given, settings
from hypothesis import strategies as st
from monitored_values import AT, MODEL, close, judge, storing, told
from sqlmodel import insert

from headrace.monitoring import Alert
from headrace.retraining import OnAlert, carry
from headrace.store import EventKind, clock, events
from headrace.store.kinds import RunStatus
from headrace.store.tables import Outcome, Prediction, Run

DAY = timedelta(days=1)
DRIFTING = Alert("drifting", when="drift.share > 0.5")
LOOKS = st.lists(st.tuples(st.booleans(), st.integers(0, 3), st.sampled_from(["nothing", "answer", "finish"])), min_size=1, max_size=8)


def drift(share):
    return {"method": "psi", "warning": 0.1, "critical_from": 0.25, "features": {}, "share": share, "max": share, "critical": 0}


def labels(session, start, n, at):
    same = {"model": MODEL, "version": 1, "arm": "champion", "epoch": 1, "latency_us": 1, "inputs": {}, "error": None, "unseen": []}
    rows = [{**same, "id": f"p{i}", "entity": str(i), "output": 0.5, "at": at, "recorded_at": at} for i in range(start, start + n)]
    if rows:
        session.execute(insert(Prediction), rows)
        session.execute(insert(Outcome), [{"model": MODEL, "entity": row["entity"], "value": 1.0, "known_at": at} for row in rows])


def answer(session, cause, now):
    """The flow `train` takes the request up."""
    session.add(Run(id=f"train-{cause}", model=MODEL, flow="train", cause=cause, started_at=now, status=RunStatus.RUNNING, details={}))
    payload = {"run_id": f"train-{cause}", "flow": "train"}
    events.append(session, model=MODEL, kind=EventKind.RUN_STARTED, payload=payload, at=now, cause=cause)


@settings(max_examples=25, deadline=None)
@given(LOOKS, st.integers(0, 4), st.integers(0, 6))
def test_a_firing_alert_trains_when_nothing_forbids_it(looks, cooldown, needed):
    trigger = OnAlert("drifting", alert="drifting", cooldown=cooldown * DAY, new_labels=needed)
    known, trained, pending, running, asked = 0, None, None, False, []
    with storing() as store:
        for number, (drifts, new, then) in enumerate(looks, start=1):
            now = AT + number * DAY
            clock.drive(store, "test", now)
            close(store, number, drift=drift(0.9 if drifts else 0.1))
            with store.transaction("test", "label", MODEL) as session:
                labels(session, known, new, now)
                if then != "nothing" and pending is not None:
                    answer(session, pending, now)
                    pending, running, trained = None, True, now
                if then == "finish" and running:
                    for event in events.log(session, MODEL, [EventKind.RUN_STARTED]):
                        session.get(Run, event.payload["run_id"]).status = RunStatus.PASSED
                    running = False
            known += new
            alerts = judge(store, [number], DRIFTING)
            decision = carry.carry_out(store, [trigger], model=MODEL, run_id=f"run-{number}", actor="test")
            cool = trained is None or now >= trained + cooldown * DAY
            may = drifts and pending is None and not running and cool and known >= needed
            assert (may, ["drifting"] if drifts else []) == (decision.passed, alerts.firing)
            if may:
                pending = decision.event_id
                asked.append(now)
        said = told(store, EventKind.RETRAINING_REQUESTED, EventKind.RETRAINING_DECLINED)
    requests = [item for item in said if "why" not in item]
    assert len(asked) == len(requests)
    assert all(item["alert"] == "drifting" and item["new_labels"] >= needed for item in requests)
    assert all((a.get("why"), a["since"]) != (b.get("why"), b["since"]) for a, b in pairwise(said) if "why" in a)
