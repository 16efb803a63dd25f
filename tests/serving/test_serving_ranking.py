"""Rows of a group are answered by one version and have places among each other, or none of them has."""

import asyncio
import json
from datetime import UTC, datetime
from time import perf_counter

import numpy as np
import pytest
from serving_project import CONFIG, ROW, SIGNATURE

from headrace.compiled import ServingConfig
from headrace.hooks import Answers
from headrace.journal import Spool
from headrace.serving.answer import Answering
from headrace.serving.measures import Measures
from headrace.serving.problem import Refused
from headrace.serving.ranked import places, whole
from headrace.serving.schema import Row, Schema
from headrace.serving.snapshot import Served, Snapshot
from headrace.traffic import Counter

RANKED = ServingConfig.model_validate(CONFIG | {"task": "ranking", "group": "query", "unit": "query"})


def row(group, **inputs):
    return Row("1", group, {**ROW, **inputs, "query": group}, group=group)


class ByAge:
    """Answers the age, and fails from a hundred on."""

    def __init__(self, fails=np.inf, times=1.0):
        self.fails, self.times = fails, times

    def predict(self, matrix):
        age = matrix[:, [item.name for item in SIGNATURE.inputs].index("age")]
        if (age >= self.fails).any():
            raise ValueError("too old")
        return age * self.times


def test_places_are_within_groups_the_highest_score_first_and_equal_ones_in_their_order():
    rows = [row(name) for name in "abaabb"]
    assert [2, 1, 3, 1, 2, 3] == places(rows, [1.0, 5.0, 1.0, 2.0, 5.0, -1.0], [1] * 6)


@pytest.mark.parametrize(("scores", "versions"), [([None, 1.0, 2.0], [1, 1, 1]), ([0.0, 1.0, 2.0], [1, 2, 1])])
def test_a_group_that_is_not_whole_has_no_places(scores, versions):
    rows = [row("a"), row("a"), row("b")]
    assert [None, None, 1] == places(rows, scores, versions)


def test_with_a_row_its_whole_group_has_failed():
    rows = [row(name) for name in "abab"]
    assert ({0, 2}, set()) == (whole(rows, [2]), whole(rows, []))
    assert {1} == whole([row(None), row(None)], [1])


def test_where_a_candidate_fails_on_a_row_the_champion_answers_the_group(tmp_path):
    def served(number, predictor):
        return Served(number, SIGNATURE, predictor, predictor, answers=Answers("ranking"))

    arms = {"champion": served(1, ByAge()), "candidate": served(2, ByAge(fails=100, times=-1))}
    snapshot = Snapshot(1, (("candidate", 1.0),), arms)
    spool = Spool.open(tmp_path)
    answering = Answering("m", fallback=True, spool=spool, counter=Counter("w", model="m"), rules=(), measures=Measures("m"))
    rows = [row("a", age=20), row("a", age=120), row("b", age=30), row("b", age=40)]
    try:
        replies = asyncio.run(answering.many(snapshot, rows, datetime(2024, 1, 1, tzinfo=UTC), perf_counter()))
    finally:
        spool.close()
    assert [(1, 20.0, 2), (1, 120.0, 1), (2, -30.0, 1), (2, -40.0, 2)] == [(one.version, one.prediction, one.rank) for one in replies]
    assert [2, 1, 1, 2] == [one.body("m")["rank"] for one in replies]


def test_rows_that_fell_with_their_group_are_no_failures_of_the_candidate_in_a_row(tmp_path):
    candidate = Served(2, SIGNATURE, ByAge(fails=100), ByAge(fails=100), answers=Answers("ranking"))
    champion = Served(1, SIGNATURE, ByAge(), ByAge(), answers=Answers("ranking"))
    snapshot = Snapshot(1, (("candidate", 1.0),), {"champion": champion, "candidate": candidate})
    spool, rested = Spool.open(tmp_path), []
    answering = Answering(
        "m", fallback=True, spool=spool, counter=Counter("w", model="m"), rules=(), measures=Measures("m"), rest=rested.append
    )
    try:
        seen = []
        for ages in ([*range(40), 120], [120] * 9):
            rows = [row("a", age=age) for age in ages]
            asyncio.run(answering.many(snapshot, rows, datetime(2024, 1, 1, tzinfo=UTC), perf_counter()))
            seen.append(len(rested))
    finally:
        spool.close()
    # Of fifty rows without an answer of the candidate's it failed on one, and then on nine: ten in a row.
    assert [0, 1] == seen


def test_a_request_carries_its_group_and_arms_are_assigned_by_it():
    schema = Schema(RANKED)
    told = schema.read_row(json.dumps({"person_id": 1, "query": 7, **ROW}).encode())
    assert ("7", "7", "7") == (told.group, told.unit, told.inputs["query"])
    for body in ({"person_id": 1, **ROW}, {"person_id": 1, "query": None, **ROW}):
        with pytest.raises(Refused) as refused:
            schema.read_row(json.dumps(body).encode())
        assert ["query"] == [fault.field for fault in refused.value.faults]


@pytest.mark.parametrize("value", [-1, 0.5, 31, "much", None])
def test_what_is_no_relevance_does_not_turn_out(value):
    with pytest.raises(Refused):
        Schema(RANKED).read_outcomes(json.dumps({"outcomes": [{"person_id": 1, "employed": value}]}).encode())
