"""What another judgement means, by where a version stands: the way to a rollout opens or closes, and what answers goes on."""

import pytest

from headrace import gates, registry
from headrace.gates import Minimum
from headrace.store import due, events

EASY, HARD = Minimum("easy", "roc_auc", min=0.5), Minimum("hard", "roc_auc", min=0.999)


@pytest.fixture
def judge(store, plugins):
    def ask(version, *asked, run_id):
        return gates.judge(store, plugins, actor="test", model="churn", number=version.number, run_id=run_id, gates=asked)

    return ask


def promote(store, version):
    with store.transaction("test", "promote", "churn") as session:
        registry.promote(session, model="churn", number=version.number, at=version.created_at, reason="test")


def announced(store):
    with store.read() as session:
        return [
            (str(event.kind), event.payload["number"], event.successor) for event in events.log(session, "churn", gates.standing.ANNOUNCED)
        ]


def aliases(store):
    with store.read() as session:
        return registry.aliases(session, "churn")


def test_a_rejected_version_that_passes_now_goes_on_as_if_it_had_passed_at_first(judge, register, store):
    version = register()
    judge(version, HARD, run_id="r1")
    verdict = judge(version, EASY, run_id="again")
    assert (True, "headrace.candidate.passed", {"candidate": 1}) == (verdict.passed, verdict.event, aliases(store))
    assert [("candidate.rejected", 1, None), ("candidate.passed", 1, "roll_out")] == announced(store)


def test_a_rejected_version_that_still_fails_stays_rejected(judge, register, store):
    version = register()
    judge(version, HARD, run_id="r1")
    verdict = judge(version, HARD, run_id="again")
    assert ("headrace.candidate.rejected", {}) == (verdict.event, aliases(store))


def test_a_candidate_that_fails_now_is_withdrawn_and_its_rollout_looked_at(judge, register, store):
    version = register()
    judge(version, EASY, run_id="r1")
    verdict = judge(version, HARD, run_id="again")
    with store.read() as session:
        looks = [(item.flow, item.reason) for item in due.list(session)]
    assert ("headrace.candidate.rejected", {}, [("roll_out", "it no longer passes its gates")]) == (verdict.event, aliases(store), looks)


def test_a_candidate_that_still_passes_is_not_announced_twice(judge, register, store):
    version = register()
    judge(version, EASY, run_id="r1")
    verdict = judge(version, EASY, run_id="again")
    assert (True, "headrace.gates.judged", {"candidate": 1}) == (verdict.passed, verdict.event, aliases(store))
    assert [("candidate.passed", 1, "roll_out")] == announced(store)


def test_a_champion_that_fails_now_is_told_of_and_goes_on(judge, register, store):
    version = register()
    judge(version, EASY, run_id="r1")
    promote(store, version)
    verdict = judge(version, HARD, run_id="again")
    assert (False, "headrace.gates.judged", "champion", {"champion": 1}) == (
        verdict.passed, verdict.event, verdict.payload["stands"], aliases(store),
    )  # fmt: skip
    assert 1 == len(announced(store))


def test_beside_the_newest_the_champion_is_judged_too(judge, register, store):
    champion = register("useless", run_id="r1")
    value = judge(champion, EASY, run_id="r1").payload["gates"][0]["value"]
    promote(store, champion)
    newest = register(run_id="r2")
    judge(newest, HARD, run_id="r2")
    verdict = judge(newest, Minimum("better", "roc_auc", min=value + 1e-6), run_id="again")
    assert (True, False, 1) == (verdict.passed, verdict.payload["champion"]["passed"], verdict.payload["champion"]["number"])
    with store.read() as session:
        assert {1: ["better"], 2: ["better"]} == {n: [row.gate for row in rows] for n, rows in gates.verdicts(session, "churn").items()}
    assert {"champion": 1, "candidate": 2} == aliases(store)


@pytest.mark.parametrize("gate", [EASY, HARD])
def test_what_a_rollout_has_decided_stays_decided(judge, register, store, gate):
    version = register()
    judge(version, EASY, run_id="r1")
    with store.transaction("test", "roll back", "churn") as session:
        registry.move(session, model="churn", alias="candidate", number=None, at=version.created_at, reason="it was harmful")
    verdict = judge(version, gate, run_id="again")
    assert ("headrace.gates.judged", {}, [("candidate.passed", 1, "roll_out")]) == (verdict.event, aliases(store), announced(store))
    judge(version, EASY, run_id="and again")
    assert {} == aliases(store)


@pytest.mark.parametrize("first", [EASY, HARD])
def test_another_judgement_that_is_tried_again_says_the_same(judge, register, store, first):
    version = register()
    judge(version, first, run_id="r1")
    before = judge(version, EASY, run_id="again")
    with store.read() as session:
        said = len(events.log(session, "churn"))
    assert before == judge(version, EASY, run_id="again")
    with store.read() as session:
        assert said == len(events.log(session, "churn"))
