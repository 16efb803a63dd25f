"""What an apply does for a gate that changed: one run that judges again, owed until it was started, whatever is killed in between."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

import pytest
from apply_memory import AT, Memory, promoted, rows

from headrace.cli.apply import tell_judgement, to_lines
from headrace.store import EventKind, events, tables
from headrace.store.kinds import OperationStatus, RunStatus


class Killed(BaseException):
    """What a kill looks like from inside."""


@pytest.fixture
def lowered(memory: Memory) -> Memory:
    """A project whose model has a version, and whose gate was lowered since the apply."""
    memory.apply()
    promoted(memory.store, "employment", 1)
    memory.edit("employment.yaml", "min: 0.85}", "min: 0.80}")
    return memory


def killed(word: str, at: str) -> Callable[[str, str], None]:
    def told(status: str, step: str) -> None:
        if (status, step) == (at, word):
            raise Killed

    return told


def judged(memory: Memory) -> list[tuple[str, str | None]]:
    """The runs of `judge` in Prefect, with their cause."""
    found = [memory.door.server.runs[id_] for id_ in memory.door.started("employment/judge")]
    return [(name, parameters.get("cause")) for _, name, parameters in found]


def owed(memory: Memory) -> list[tuple[object, ...]]:
    return [row for row in rows(memory.store, tables.Operation, "action", "status", "id") if row[0] == "judge"]


def test_a_gate_that_changed_starts_one_run_whose_cause_is_the_journals_row(lowered: Memory) -> None:
    outcome = lowered.apply()
    ((_, status, id_),) = owed(lowered)
    assert ([("employment/judge", id_)], OperationStatus.DONE) == (judged(lowered), status)
    assert [("employment", "judge")] == [(run.model, run.flow) for run in outcome.runs]
    assert lowered.plan().empty
    assert [] == lowered.apply().steps


@pytest.mark.parametrize(("word", "at"), [("record state", "done"), ("judge employment", "intent"), ("judge employment", "done")])
def test_killed_around_it_the_next_apply_has_it_judged_once(lowered: Memory, word: str, at: str) -> None:
    with pytest.raises(Killed):
        lowered.apply(killed(word, at))
    lowered.apply()
    assert (1, [OperationStatus.DONE]) == (len(judged(lowered)), [status for _, status, _ in owed(lowered)])
    assert lowered.plan().empty


def test_a_gate_that_changed_twice_is_judged_by_the_last(lowered: Memory) -> None:
    with pytest.raises(Killed):
        lowered.apply(killed("record state", "done"))
    lowered.edit("employment.yaml", "min: 0.80}", "min: 0.81}")
    lowered.apply()
    assert (1, [OperationStatus.DONE, OperationStatus.FAILED]) == (len(judged(lowered)), sorted(status for _, status, _ in owed(lowered)))
    assert lowered.plan().empty


def test_a_judgement_whose_run_failed_is_made_again(lowered: Memory) -> None:
    lowered.apply()
    run = tables.Run(model="employment", flow="judge", status=RunStatus.FAILED, started_at=AT, details={})
    with lowered.store.transaction("service:test", "fail", "employment") as session:
        session.add(run)
    assert ["its last judgement failed"] == [one.why for one in lowered.plan().judge]
    lowered.apply()
    assert 2 == len(judged(lowered))
    with lowered.store.transaction("service:test", "train", "employment") as session:
        session.add(
            tables.Run(model="employment", flow="train", status=RunStatus.PASSED, started_at=datetime(2027, 1, 1, tzinfo=UTC), details={})
        )
    assert lowered.plan().empty


def test_a_judgement_that_is_owed_goes_along_with_a_rename(lowered: Memory) -> None:
    with pytest.raises(Killed):
        lowered.apply(killed("record state", "done"))
    lowered.rename()
    lowered.apply()
    assert [("work/judge", 1)] == [(name, len(lowered.door.started(name))) for name in ("work/judge",)]
    assert lowered.plan().empty


# what `--wait` says ----------------------------------------------------------------------------------------------


def say(memory: Memory, kind: EventKind, **payload: object) -> None:
    with memory.store.transaction("service:test", "judge", "employment") as session:
        events.append(session, model="employment", kind=kind, payload={"id": "e", "number": 2, "stands": "open", **payload}, at=AT)


def gate(*, passed: bool) -> dict[str, object]:
    said = [{"gate": "quality", "reason": "0.61 is below 0.75"}]
    return {"passed": passed, "failed": [] if passed else ["quality"], "gates": said}


def test_a_champion_that_would_fail_now_is_told_of(memory: Memory, capsys: pytest.CaptureFixture[str]) -> None:
    say(memory, EventKind.CANDIDATE_PASSED, **gate(passed=True), champion={"number": 1, **gate(passed=False)})
    assert tell_judgement(memory.store, "employment")
    said = "model/employment: version 1, the champion, would not pass its gates now: quality: 0.61 is below 0.75. It stays as it is.\n"
    assert said == capsys.readouterr().err


@pytest.mark.parametrize(("stands", "said"), [("champion", "version 2, the champion, passes"), ("decided", "version 2 passes")])
def test_what_was_decided_is_told_of_and_waits_for_no_rollout(
    memory: Memory, capsys: pytest.CaptureFixture[str], stands: str, said: str
) -> None:
    say(memory, EventKind.GATES_JUDGED, **gate(passed=True), stands=stands)
    assert not tell_judgement(memory.store, "employment")
    assert f"model/employment: {said} its gates, and stays as it is\n" == capsys.readouterr().err


def test_the_words_of_an_apply_say_that_nothing_is_trained(lowered: Memory) -> None:
    run = {"model": "employment", "flow": "judge", "run": "r1", "url": "http://prefect"}
    told = {"resumed": None, "steps": [], "notes": [], "partial": None, "runs": [run], "restart": [], "serial": 2}
    assert "model/employment is judged again in run r1" in to_lines(told)
