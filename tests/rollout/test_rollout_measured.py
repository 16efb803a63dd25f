"""Rollouts that are judged by answers: with a real store, a journal of both arms, and outcomes that come late, twice or never."""

from dataclasses import replace
from datetime import timedelta
from itertools import count
from math import log

import numpy as np
import pytest
from rollout_values import DAY
from sqlalchemy import insert

from headrace import rollout
from headrace.builtin.metrics import number, probability
from headrace.hooks import Metric
from headrace.rollout import Canary, Judge, NoData, Step, Warmup
from headrace.rollout.judgement import watch
from headrace.store import tables
from headrace.traffic import CANDIDATE, CHAMPION, Rule, Watch

METRICS = {metric.name: metric for metric in (*probability.METRICS, *number.METRICS)}
QUALITY = Judge(metric="quality", delay=10 * DAY, promote_below=1.5, negligible=0.01)
SHIFT = Judge(metric="output_shift", limit=0.5, promote_below=1.5)
PAIRS = Judge(metric="prediction_disagreement", limit=0.2, negligible=0.1, ceiling=0.2)


def canary(*judge, **changes):
    return Canary(
        unit="person_id",
        steps=[Step(weight=0.5, hold=40 * DAY)],
        judge=judge,
        warmup=Warmup(requests=20),
        no_data=NoData(after=90 * DAY, deadline=90 * DAY),
        **changes,
    )


class Journal:
    """What servers would have journalled of the arms of a world."""

    def __init__(self, world):
        self.world, self.ids = world, count()

    def answers(self, arm, outputs, *, outcomes=None, known_after=timedelta(days=1), error=None, entities=None):
        """Answers of one arm in the epoch that stands, each about an entity of its own, and what turned out to be true."""
        weights, at = self.world.weights(), self.world.now
        predictions, known = [], []
        for position, output in enumerate(outputs):
            number_ = next(self.ids)
            entity = f"e{number_}" if entities is None else entities[position]
            predictions.append(self._row(f"p{number_}", arm, weights.arm(arm).version, entity, output, error))
            if outcomes is not None and outcomes[position] is not None:
                known.append({"model": "m", "entity": entity, "value": float(outcomes[position]), "known_at": at + known_after})
        self._write(tables.Prediction, predictions)
        self._write(tables.Outcome, known)

    def pairs(self, n, apart):
        """Requests that the champion answered and the candidate was asked, too; the first `apart` of them it answered otherwise."""
        rows = []
        for i in range(n):
            name = f"s{next(self.ids)}"
            rows.append(self._row(name, CHAMPION, 1, name, 0.2, None))
            rows.append(self._row(f"{name}.shadow", "shadow", 2, name, 0.9 if i < apart else 0.3, None))
        self._write(tables.Prediction, rows)

    def _row(self, id_, arm, version, entity, output, error):  # noqa: PLR0917 - what a row is made of
        return {
            "id": id_,
            "model": "m",
            "version": version,
            "arm": arm,
            "epoch": self.world.weights().epoch,
            "entity": entity,
            "at": self.world.now,
            "recorded_at": self.world.now,
            "latency_us": 1,
            "inputs": {},
            "output": output,
            "error": error,
            "unseen": [],
        }

    def _write(self, table, rows):
        if rows:
            with self.world.store.transaction("test", "journal", "model/m") as session:
                session.connection().execute(insert(table), rows)


@pytest.fixture
def journal(world):
    world.champion()
    return Journal(world)


def begin(world, section):
    """The first look starts the rollout at its first share; servers have counted healthy requests since."""
    assert look(world, section).event == "headrace.rollout.started"
    world.requests(40, 40)


def look(world, section, metrics=METRICS):
    return rollout.advance(world.store, section, model="m", actor="test", cause=None, metrics=metrics)


def answered(journal, n, *, candidate_wrong=0, champion_wrong=0, labels=True):
    """n answers of each arm, all no; so many of each turn out to be wrong."""
    for arm, wrong in ((CANDIDATE, candidate_wrong), (CHAMPION, champion_wrong)):
        journal.answers(arm, [0.1] * n, outcomes=[i < wrong for i in range(n)] if labels else None)


def found(progress, metric="quality"):
    evidence = progress.payload["evidence"][metric]
    return tuple(evidence[word] for word in ("n_candidate", "bad_candidate", "n_champion", "bad_champion"))


def test_a_candidate_whose_answers_turn_out_wrong_is_rolled_back(world, journal):
    begin(world, canary(QUALITY))
    answered(journal, 200, candidate_wrong=60, champion_wrong=10)
    world.wait(11 * DAY)
    progress = look(world, canary(QUALITY))
    assert progress.event == "headrace.rollout.rolled_back"
    assert progress.payload["reason"].startswith("quality: 60 of 200 candidate requests were bad")
    assert world.aliases()["champion"] == 1


def test_a_candidate_whose_answers_turn_out_right_is_promoted(world, journal):
    begin(world, canary(QUALITY))
    answered(journal, 600)
    world.wait(11 * DAY)
    assert look(world, canary(QUALITY)).event == "headrace.rollout.promoted"


def test_answers_count_once_the_targets_delay_is_over_and_no_sooner(world, journal):
    begin(world, canary(QUALITY))
    answered(journal, 600, candidate_wrong=300)
    world.wait(9 * DAY)
    assert found(look(world, canary(QUALITY))) == (0, 0, 0, 0)
    world.wait(2 * DAY)
    assert found(look(world, canary(QUALITY))) == (600, 300, 600, 0)


def test_a_metric_that_stops_arriving_is_no_pass_and_no_zero(world, journal):
    section = canary(Judge(metric="error_rate", negligible=0.5), QUALITY)
    begin(world, section)
    answered(journal, 100)
    world.wait(11 * DAY)
    first = look(world, section)
    assert (first.event, found(first)) == ("headrace.rollout.looked", (100, 0, 100, 0))
    answered(journal, 2000, labels=False)
    world.wait(30 * DAY)
    world.requests(40, 40)
    last = look(world, section)
    assert (last.event, last.payload["verdict"]) == ("headrace.rollout.rolled_back", "undecided")
    assert (found(last), last.payload["evidence"]["error_rate"]["passed"]) == ((100, 0, 100, 0), True)


def test_an_outcome_that_is_told_again_or_contradicted_later_counts_once_as_the_first_said(world, journal):
    begin(world, canary(QUALITY))
    journal.answers(CANDIDATE, [0.1], outcomes=[1], entities=["told-twice"])
    with world.store.transaction("test", "journal", "model/m") as session:
        for days, value in ((2, 0.0), (3, 1.0)):
            session.add(tables.Outcome(model="m", entity="told-twice", value=value, known_at=world.now + days * DAY))
    world.wait(11 * DAY)
    assert found(look(world, canary(QUALITY))) == (1, 1, 0, 0)


def test_an_outcome_that_comes_before_others_or_long_after_its_delay_counts_as_any_other(world, journal):
    begin(world, canary(QUALITY))
    journal.answers(CANDIDATE, [0.1], outcomes=[1], known_after=20 * DAY)
    journal.answers(CHAMPION, [0.1], outcomes=[1])
    world.wait(11 * DAY)
    assert found(look(world, canary(QUALITY))) == (0, 0, 1, 1)
    world.wait(10 * DAY)
    assert found(look(world, canary(QUALITY))) == (1, 1, 1, 1)


def test_an_outcome_before_its_request_is_none_of_it(world, journal):
    begin(world, canary(QUALITY))
    journal.answers(CANDIDATE, [0.1], outcomes=[1], known_after=-timedelta(days=1))
    world.wait(11 * DAY)
    assert found(look(world, canary(QUALITY))) == (0, 0, 0, 0)


def test_a_client_that_tries_again_is_counted_once(world, journal):
    begin(world, canary(SHIFT))
    for _ in range(5):
        journal.answers(CANDIDATE, [0.9], entities=["again"])
    assert found(look(world, canary(SHIFT)), "output_shift") == (1, 1, 0, 0)


def test_what_the_champion_answered_in_a_failing_candidates_stead_is_none_of_its_share(world, journal):
    begin(world, canary(SHIFT, QUALITY))
    journal.answers(CANDIDATE, [None], error="it fell", entities=["fell"])
    journal.answers(CHAMPION, [0.9, 0.9], outcomes=[1, 1], entities=["fell", "own"])
    world.wait(11 * DAY)
    progress = look(world, canary(SHIFT, QUALITY))
    assert (found(progress, "output_shift"), found(progress)) == ((0, 0, 1, 1), (0, 0, 1, 0))


def test_labels_of_one_arm_that_stay_away_hold_the_rollout(world, journal):
    begin(world, canary(QUALITY))
    journal.answers(CANDIDATE, [0.1] * 600, outcomes=[0] * 300 + [None] * 300)
    journal.answers(CHAMPION, [0.1] * 600, outcomes=[0] * 600)
    world.wait(11 * DAY)
    progress = look(world, canary(QUALITY))
    assert (progress.event, progress.payload["held"]) == ("headrace.rollout.held", "wrong-share")


@pytest.mark.parametrize("yes", [(20, 160), (160, 20)])
def test_a_shift_of_the_answers_either_way_rolls_back(world, journal, yes):
    begin(world, canary(SHIFT))
    for arm, positive in zip((CANDIDATE, CHAMPION), yes, strict=True):
        journal.answers(arm, [0.9] * positive + [0.1] * (400 - positive))
    progress = look(world, canary(SHIFT))
    assert (progress.event, progress.payload["verdict"]) == ("headrace.rollout.rolled_back", "harmful")


def test_answers_that_are_shown_within_the_margin_on_both_sides_promote(world, journal):
    begin(world, canary(SHIFT))
    for arm in (CANDIDATE, CHAMPION):
        journal.answers(arm, [0.9] * 500 + [0.1] * 500)
    assert look(world, canary(SHIFT)).event == "headrace.rollout.promoted"


def test_fewer_answers_of_yes_alone_prove_no_likeness(world, journal):
    """A candidate that never says yes is far below the margin of one side, and beyond that of the other."""
    begin(world, canary(replace(SHIFT, decides="promote")))
    journal.answers(CANDIDATE, [0.1] * 300)
    journal.answers(CHAMPION, [0.9] * 100 + [0.1] * 200)
    progress = look(world, canary(replace(SHIFT, decides="promote")))
    assert (progress.event, progress.payload["evidence"]["output_shift"]["passed"]) == ("headrace.rollout.looked", False)


@pytest.mark.parametrize(("apart", "event"), [(2, "promoted"), (60, "rolled_back"), (15, "looked")])
def test_pairs_show_how_often_both_versions_disagree(world, journal, apart, event):
    begin(world, canary(PAIRS))
    journal.pairs(100, apart)
    progress = look(world, canary(PAIRS))
    assert (progress.event, found(progress, PAIRS.metric)) == (f"headrace.rollout.{event}", (100, apart, 0, 0))


def test_a_shadow_that_fails_disagrees(world, journal):
    begin(world, canary(PAIRS))
    journal._write(
        tables.Prediction, [journal._row("a", CHAMPION, 1, "a", 0.2, None), journal._row("a.shadow", "shadow", 2, "a", None, "e")]
    )
    assert found(look(world, canary(PAIRS)), PAIRS.metric) == (1, 1, 0, 0)


def test_pairs_of_another_version_or_of_an_earlier_epoch_count_for_nothing(world, journal):
    with world.store.transaction("test", "journal", "model/m") as session:
        session.connection().execute(
            insert(tables.Prediction),
            [
                {**_plain(world), "id": "old", "arm": CHAMPION, "version": 1, "epoch": 99},
                {**_plain(world), "id": "old.shadow", "arm": "shadow", "version": 2, "epoch": 99},
            ],
        )
    begin(world, canary(PAIRS))
    journal._write(
        tables.Prediction, [journal._row("b", CHAMPION, 1, "b", 0.2, None), journal._row("b.shadow", "shadow", 7, "b", 0.9, None)]
    )
    assert found(look(world, canary(PAIRS)), PAIRS.metric) == (0, 0, 0, 0)


def _plain(world):
    return {
        "model": "m",
        "entity": "e",
        "at": world.now,
        "recorded_at": world.now,
        "latency_us": 1,
        "inputs": {},
        "output": 0.2,
        "error": None,
        "unseen": [],
    }


def broken(target, predictions):
    raise RuntimeError("no such column")


def halves(target, predictions):
    return abs(target - predictions) / 2


def short(target, predictions):
    return np.zeros(len(target) + 1)


def _own(name, function, better="lower"):
    return Metric(name, "builtins:sum", better, each=f"{__name__}:{function}")


def test_a_metric_of_a_plugin_judges_row_by_row(world, journal):
    section = canary(replace(QUALITY, of="halves", limit=0.4))
    begin(world, section)
    answered(journal, 200, candidate_wrong=60, champion_wrong=10)
    world.wait(11 * DAY)
    assert found(look(world, section, {"halves": _own("halves", "halves")})) == (200, 60, 200, 10)


@pytest.mark.parametrize(
    ("metrics", "why"),
    [
        ({"own": _own("own", "broken")}, "`own` failed: RuntimeError: no such column"),
        ({"own": _own("own", "short")}, "`own` gave shape (1201,) for 1200 rows"),
        ({"own": METRICS["roc_auc"]}, "`own` is no mean of rows"),
        ({"own": METRICS["mae"]}, "`mae` is for regression, and the versions answer binary"),
        ({}, "no plugin offers the metric `own`"),
    ],
)
def test_a_failed_metric_is_not_zero(world, journal, metrics, why):
    """What cannot be counted shows nothing, is no pass, and the end names it."""
    section = canary(replace(QUALITY, of="own", limit=0.5))
    begin(world, section)
    answered(journal, 600)
    world.wait(11 * DAY)
    progress = look(world, section, metrics)
    evidence = progress.payload["evidence"]["quality"]
    assert (progress.event, evidence["failed"], evidence["passed"]) == ("headrace.rollout.looked", why, False)
    world.wait(30 * DAY)
    world.requests(40, 40)
    last = look(world, section, metrics)
    assert (last.payload["verdict"], last.payload["reason"].partition("; ")[2]) == ("undecided", f"quality could not be counted: {why}")


def test_a_metric_that_only_aborts_keeps_no_promotion_waiting(world, journal):
    section = canary(Judge(metric="error_rate", negligible=0.5), replace(QUALITY, decides="abort"))
    begin(world, section)
    assert look(world, section).event == "headrace.rollout.promoted"


def test_a_metric_that_only_promotes_aborts_nothing(world, journal):
    section = canary(replace(QUALITY, decides="promote"))
    begin(world, section)
    answered(journal, 200, candidate_wrong=150)
    world.wait(11 * DAY)
    progress = look(world, section)
    assert (progress.event, progress.payload["evidence"]["quality"]["passed"]) == ("headrace.rollout.looked", False)


def test_metrics_that_only_abort_promote_nothing(world, journal):
    section = canary(Judge(metric="error_rate", negligible=0.5, decides="abort"))
    begin(world, section)
    assert look(world, section).event == "headrace.rollout.looked"


def test_the_chance_of_a_false_rollback_is_shared_by_all_that_abort():
    """Servers have the part of what they count; what only promotes has none."""
    error, slow = Judge(metric="error_rate"), Judge(metric="slow_request", over=timedelta(seconds=1))
    section = canary(error, slow, QUALITY, SHIFT, replace(PAIRS, decides="promote"), false_rollback=0.04)
    rules = (Rule("error_rate"), Rule("slow_request", over=1.0))
    assert watch(section) == Watch(rules, 0.02, 20)
    judged = rollout.judge(section, {}, (), None)
    assert {evidence.abort_at for evidence in judged.evidence.values()} == {log(4 / 0.04)}
