"""The verdict: what is recorded, what is announced, and that nothing passes by accident."""

import dataclasses

import pandas as pd
import pytest

from headrace import gates, registry
from headrace.builtin.algorithms import lightgbm_classifier
from headrace.diagnostics import HeadraceError
from headrace.gates import Maximum, Minimum, NoWorse
from headrace.gates.facts import MEASURED, gather
from headrace.gates.facts import _ask as answers
from headrace.gates.facts import _groups as groups_of
from headrace.hooks import Algorithm, Input, Signature
from headrace.store import events

EASY, HARD = Minimum("easy", "roc_auc", min=0.5), Minimum("hard", "roc_auc", min=0.999)


class Nan:
    def predict(self, matrix):
        return matrix[:, 0] * float("nan")


def load_nan(data, *, signature):
    return Nan()


@pytest.fixture
def judge(store, plugins):
    def ask(version, *asked, **instead):
        usual = {"actor": "service:train", "model": version.model, "number": version.number, "run_id": version.run_id}
        return gates.judge(store, instead.pop("plugins", plugins), gates=asked, **(usual | instead))

    return ask


@pytest.fixture
def champion(store, register):
    """The good model, as champion."""
    version = register(run_id="r0")
    with store.transaction("test", "promote", "churn") as session:
        registry.promote(session, model="churn", number=version.number, at=version.created_at, reason="test")
    return version


def log(store, *kinds):
    with store.read() as session:
        return events.log(session, "churn", kinds)


def alter(store, digest):
    path = store.blobs.path(digest)
    path.chmod(0o644)
    path.write_bytes(path.read_bytes() + b" ")


def test_a_candidate_that_passes_is_announced(judge, register, store):
    verdict = judge(register(), EASY)
    event = log(store, "candidate.passed")[0]
    assert (True, "headrace.candidate.passed", event.id, event.payload, "roll_out") == (
        verdict.passed, verdict.event, verdict.event_id, verdict.payload, event.successor,
    )  # fmt: skip


def test_the_payload_names_the_event_the_model_and_the_gates(judge, register):
    payload = judge(register(), EASY, HARD).payload
    assert (("churn", 1, "r1", False, ["hard"]), ["easy", "hard"], True) == (
        tuple(payload[key] for key in ("model", "number", "run_id", "passed", "failed")),
        [gate["gate"] for gate in payload["gates"]],
        len(payload["id"]) == 32,
    )


def test_passing_sets_the_alias_candidate(judge, register, store):
    judge(register(), EASY)
    with store.read() as session:
        assert {"candidate": 1} == registry.aliases(session, "churn")


def test_one_failed_gate_rejects(judge, register, store):
    verdict = judge(register(), EASY, HARD)
    with store.read() as session:
        aliases = registry.aliases(session, "churn")
    assert (False, "headrace.candidate.rejected", {}, [None]) == (
        verdict.passed, verdict.event, aliases, [event.successor for event in log(store, "candidate.rejected")],
    )  # fmt: skip


def test_a_warning_gate_is_recorded_and_blocks_nothing(judge, register, store):
    verdict = judge(register(), EASY, dataclasses.replace(HARD, mode="warn"))
    with store.read() as session:
        rows = gates.verdicts(session, "churn")[1]
    assert (True, ["hard"], [("easy", True, "block"), ("hard", False, "warn")]) == (
        verdict.passed, verdict.payload["warned"], [(row.gate, row.passed, row.mode) for row in rows],
    )  # fmt: skip


def test_every_gate_has_a_row_with_its_numbers(judge, register, store):
    version = register()
    judge(version, EASY)
    with store.read() as session:
        row = gates.verdicts(session, "churn")[1][0]
    assert ("roc_auc", 0.5, 300, version.manifest["reference"], "r1") == (row.metric, row.threshold, row.n, row.data_digest, row.run_id)


def test_the_judgement_is_logged_before_it_is_announced(judge, register, store):
    judge(register(), EASY)
    told = [event.kind for event in log(store, *events.EventKind) if event.kind != "card.written"]
    assert [
        "candidate.registered",
        "version.attested",
        "gates.judged",
        "alias.moved",
        "stage.moved",
        "stage.moved",
        "candidate.passed",
    ] == told


def test_a_step_tried_again_announces_nothing_twice(judge, register, store):
    version = register()
    assert judge(version, EASY) == judge(version, EASY)
    assert 1 == len(log(store, "candidate.passed"))


def test_another_run_judges_again(judge, register, store):
    version = register()
    judge(version, EASY)
    judge(version, HARD, run_id="r2")
    with store.read() as session:
        assert ["hard"] == [row.gate for row in gates.verdicts(session, "churn")[1]]


def test_a_candidate_as_good_as_the_champion_passes(judge, register, champion):
    versus = NoWorse("champion", "roc_auc", versus="champion", worse_by_at_most=0.005)
    assert judge(register(), versus).passed


def test_a_candidate_worse_than_the_champion_is_rejected(judge, register, champion):
    verdict = judge(register("useless"), NoWorse("champion", "roc_auc", versus="champion", worse_by_at_most=0.005, first="pass"))
    assert (False, True) == (verdict.passed, verdict.payload["gates"][0]["high"] < 0)


def test_an_altered_champion_lets_nobody_pass(judge, register, champion, store):
    alter(store, champion.model_digest)
    gate = NoWorse("champion", "roc_auc", versus="champion", worse_by_at_most=1.0, first="pass")
    verdict = judge(register("useless"), gate)
    assert (False, True) == (verdict.passed, "altered" in verdict.payload["gates"][0]["reason"])


def test_an_altered_candidate_is_rejected(judge, register, store):
    version = register()
    alter(store, version.model_digest)
    verdict = judge(version, EASY, Maximum("fast", "latency_p99", max=9.0))
    assert (["easy", "fast"], [True, True]) == (
        verdict.payload["failed"], ["altered" in gate["reason"] for gate in verdict.payload["gates"]],
    )  # fmt: skip


def test_altered_held_out_rows_end_the_judgement(judge, register, store):
    version = register()
    alter(store, version.manifest["reference"])
    with pytest.raises(HeadraceError, match="artifact-altered"):
        judge(version, EASY)


def test_a_champion_that_needs_another_input_fails_the_gate(judge, register, store):
    signature = Signature((Input("age", "number"), Input("income", "number")))
    other = register(signature=signature, run_id="r0")
    with store.transaction("test", "promote", "churn") as session:
        registry.promote(session, model="churn", number=other.number, at=other.created_at, reason="test")
    verdict = judge(register(), NoWorse("champion", "roc_auc", versus="champion", first="pass"))
    assert (False, True) == (verdict.passed, "needs the input `income`" in verdict.payload["gates"][0]["reason"])


def test_a_model_is_not_asked_without_an_input(people):
    with pytest.raises(HeadraceError) as raised:
        answers(Nan(), Signature((Input("age", "number"), Input("income", "number"))), people)
    assert ["missing-input"] == [fault.id for fault in raised.value.report]


def test_answers_that_are_no_number_fail(judge, register, plugins):
    broken = Algorithm("lightgbm.classifier", "binary", "", "", "", f"{__name__}:load_nan", "x")
    verdict = judge(register(), Minimum("g", "roc_auc", min=0), plugins=dataclasses.replace(plugins, algorithms={broken.name: broken}))
    assert (False, True) == (verdict.passed, "gave no probability for 300 of 300 rows" in verdict.payload["gates"][0]["reason"])


def test_a_baseline_is_compared_with(judge, register, trained):
    version = register("useless", baseline=("sklearn.logistic_regression", trained["plain"]))
    first = judge(version, NoWorse("useful", "roc_auc", versus="baseline"))
    assert (False, True) == (first.passed, first.payload["gates"][0]["value"] < 0)


def test_the_first_candidate_may_be_compared_with_its_baseline(judge, register, trained):
    version = register("useless", baseline=("sklearn.logistic_regression", trained["plain"]))
    verdict = judge(version, NoWorse("champion", "roc_auc", versus="champion", first="baseline"))
    assert (False, True) == (verdict.passed, "the baseline's" in verdict.payload["gates"][0]["reason"])


def test_a_gate_that_wants_a_baseline_fails_without_one(judge, register):
    verdict = judge(register(), NoWorse("useful", "roc_auc", versus="baseline", worse_by_at_most=1.0))
    assert (False, True) == (verdict.passed, "no baseline was trained" in verdict.payload["gates"][0]["reason"])


def test_no_gate_is_no_judgement(judge, register):
    with pytest.raises(HeadraceError, match="no-gates"):
        judge(register())


def test_latency_is_of_single_rows_after_a_warm_up(store, plugins, register, monkeypatch):
    asked = []
    answer = lightgbm_classifier.Trees.predict
    monkeypatch.setattr(lightgbm_classifier.Trees, "predict", lambda self, matrix: asked.append(len(matrix)) or answer(self, matrix))
    facts = gather(store, plugins, register(), [Maximum("fast", "latency_p99", max=9.0)])
    assert (MEASURED, True, True) == (len(facts.seconds), bool((facts.seconds > 0).all()), asked.count(1) > MEASURED)


def test_what_is_missing_is_a_group_of_its_own():
    assert ["1", "missing", "missing"] == groups_of(pd.Series(["1", None, float("nan")], dtype=object)).tolist()
