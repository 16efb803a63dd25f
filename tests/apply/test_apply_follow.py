"""What `apply --wait` says once a training has ended: the gates' word of the newest version, and its traffic."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from apply_memory import AT, promoted

from headrace import traffic
from headrace.cli.apply import follow
from headrace.diagnostics import Exit, HeadraceError
from headrace.store import EventKind, Store, events, tables
from headrace.store.approved import ApprovalRequest


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    """Version 1 failed a gate once; version 2 is the newest."""
    opened = Store.open("sqlite:///state.db", "blobs", root=tmp_path)
    promoted(opened, "employment", 1)
    promoted(opened, "employment", 2)
    judge(opened, 1, passed=False)
    yield opened
    opened.close()


def judge(store: Store, number: int, *, passed: bool, mode: str = "block") -> None:
    said = {"gate": "quality", "metric": "roc_auc", "reason": "0.61 is below 0.75", "run_id": "r", "at": AT}
    with store.transaction("service:test", "judge", "employment") as session:
        session.add(tables.Verdict(model="employment", number=number, passed=passed, mode=mode, **said))


def ask(store: Store) -> None:
    with store.transaction("service:test", "ask", "employment") as session:
        asked = {"environment": "dev", "occasion": "promote", "subject": "s", "attempt": 1, "digests": {}, "policies": [], "requesters": []}
        session.add(ApprovalRequest(id="a", model="employment", number=2, requested_at=AT, seen_at=AT, **asked))


def test_a_candidate_that_a_gate_refused_is_named_with_the_reason(store: Store) -> None:
    judge(store, 2, passed=False)
    with pytest.raises(HeadraceError) as raised:
        follow(store, "employment")
    (found,) = raised.value.report
    assert (Exit.REFUSED, "candidate-rejected") == (raised.value.code, found.id)
    assert "version 2 of model/employment was rejected: quality: 0.61 is below 0.75" == found.message


def test_a_candidate_that_passed_is_told_with_its_traffic(store: Store, capsys: pytest.CaptureFixture[str]) -> None:
    judge(store, 2, passed=False, mode="warn")
    with store.transaction("service:test", "roll out", "employment") as session:
        arms = [traffic.Arm("champion", 1, 0.95), traffic.Arm("candidate", 2, 0.05)]
        traffic.set_weights(session, model="employment", expected=None, arms=arms, at=AT, reason="test")
    follow(store, "employment")
    assert "model/employment: version 2 passed its gates; traffic: version 1 95%, version 2 5%\n" == capsys.readouterr().err


def test_the_traffic_is_told_once_the_run_that_a_verdict_started_has_ended(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    judge(store, 2, passed=True)
    with store.transaction("service:test", "roll out", "employment") as session:
        traffic.set_weights(session, model="employment", expected=None, arms=[traffic.Arm("champion", 1, 1.0)], at=AT, reason="test")
        payload = {"number": 2, "run_id": "t"}
        passed = events.append(session, model="employment", kind=EventKind.CANDIDATE_PASSED, payload=payload, at=AT, successor="roll_out")
        told = {"run_id": "r", "flow": "roll_out"}
        events.append(session, model="employment", kind=EventKind.RUN_STARTED, payload=told, at=AT, cause=passed.id)
    looks = []

    def ends(_: float) -> None:
        """What happens in the second between two looks: first nothing, then the run asks for votes and ends."""
        looks.append(len(looks))
        if len(looks) == 2:
            ask(store)
            with store.transaction("service:test", "end", "employment") as session:
                events.append(session, model="employment", kind=EventKind.RUN_ENDED, payload=told, at=AT)

    monkeypatch.setattr("time.sleep", ends)
    found = follow(store, "employment")
    assert found is not None
    assert ("awaiting-approval", 2) == (found.id, len(looks))


def test_a_candidate_that_awaits_votes_is_told_with_who_may_vote(store: Store) -> None:
    judge(store, 2, passed=True)
    ask(store)
    found = follow(store, "employment")
    assert found is not None
    told = ("awaiting-approval", "version 2 of model/employment awaits approval in dev, and answers nobody until then")
    assert (told, True) == ((found.id, found.message), "`headrace approve employment --key-file FILE" in str(found.help))
