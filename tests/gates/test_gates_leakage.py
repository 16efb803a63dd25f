"""The gate `leakage`: an answer that stands among the inputs, rows on both sides, sides that overlap in time; and clean rows pass."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import numpy as np
import pandas as pd
import pytest

from headrace.builtin.gates.leakage import Params, judge
from headrace.hooks import Answers, HeldOut, Sample
from headrace.hooks.answers import BINARY

INPUTS = {"age": "number", "town": "category"}


def clean(rng, n):
    age = rng.normal(40, 10, n)
    left = (rng.random(n) < 1 / (1 + np.exp(-(age - 40) / 8))).astype(float)
    return {"age": age, "town": rng.choice(["north", "south"], n), "left": left}


def paid(rng, n):
    """What is paid back only by those who left: known after the answer."""
    drawn = clean(rng, n)
    return {**drawn, "refund": drawn["left"] * rng.uniform(5, 50, n)}


def test_clean_rows_pass_with_what_was_looked_at(candidate, asked, rows) -> None:
    said = asked(candidate(rows(800, clean), INPUTS), "leakage", after="1m", entities="0%", duplicates="0%")
    assert said["passed"], said["reason"]
    assert {"duplicates", "repeated", "time", "alone", "copies", "rows", "data", "seed"} == said["evidence"].keys()
    assert 0.6 < said["value"] < 0.9
    assert "age" == next(iter(said["evidence"]["alone"]["inputs"]))


def test_an_input_that_gives_the_answer_away_is_named(candidate, asked, rows) -> None:
    said = asked(candidate(rows(800, paid), {**INPUTS, "refund": "number"}), "leakage")
    assert (False, True) == (said["passed"], "`refund` alone tells 1 of the answer" in said["reason"])


def test_training_rows_among_the_held_out_ones_are_found(candidate, asked, rows) -> None:
    frame = rows(600, clean)
    twice = frame[frame["side"] == "train"].head(20).assign(side="holdout")
    said = asked(candidate(pd.concat([frame, twice]), INPUTS), "leakage", duplicates="1%", after="1m")
    assert not said["passed"]
    assert 20 == said["evidence"]["repeated"]["rows"]
    for told in ("20 held-out rows are training rows", "stand among the training rows", "before the newest training row"):
        assert told in said["reason"]


def sample(n: int, *, seed: int, word: str, start: str = "2020-01-01", **columns) -> Sample:
    rng = np.random.default_rng(seed)
    target = (rng.random(n) < 0.5).astype(float)
    made = {name: column(rng, n, target) for name, column in columns.items()} or {"age": rng.normal(size=n) + target}
    time = np.datetime64(start, "us") + np.arange(n) * np.timedelta64(3600, "s")
    return Sample(
        pd.DataFrame(made), target, np.array([f"{word}{at // 4}" for at in range(n)], dtype=object), time.astype("datetime64[us]")
    )


def said(training: Sample, held: Sample, answers: Answers = BINARY, **params):
    given = HeldOut(held.rows, held.target, held.target, known=held, training=training, answers=answers)
    return judge(given, Params(**params), seed=7)


def _next(rng, n, target):
    """The answer of the next row of the same entity, of which there are four each."""
    return np.where(np.arange(n) % 4 == 3, rng.random(n), np.roll(target, -1))


def test_the_answer_itself_and_that_of_the_next_row_are_found() -> None:
    copies = said(*(sample(400, seed=seed, word=word, same=lambda _, __, target: 1 - 2 * target) for seed, word in ((1, "t"), (2, "h"))))
    assert (False, True) == (copies.passed, "`same` is the answer of the row (correlation -1.0000)" in copies.reason)
    later = said(*(sample(400, seed=seed, word=word, later=_next) for seed, word in ((1, "t"), (2, "h"))))
    assert (False, True) == (later.passed, "`later` is the next answer of the row" in later.reason)


def test_entities_on_both_sides_are_told_and_bounded_where_asked() -> None:
    training, held = sample(400, seed=1, word="p"), sample(200, seed=2, word="p", start="2021-01-01")
    free = said(training, held)
    assert (True, 1.0) == (free.passed, free.evidence["repeated"]["entities"])
    assert "the entities of 100.00% of the held-out rows have training rows" in said(training, held, entities="10%").reason


def test_sides_that_lie_too_near_in_time_are_found() -> None:
    training, held = sample(100, seed=1, word="t"), sample(100, seed=2, word="h", start="2020-01-06")
    assert said(training, held, after=timedelta(hours=1)).passed
    assert "after it is wanted" in said(training, held, after=timedelta(days=30)).reason


@pytest.mark.parametrize("task", ["multiclass", "regression", "ranking"])
def test_other_tasks_are_judged_by_what_they_answer(task: str) -> None:
    def shown(rng, n, target):
        return np.array(["no", "yes"], dtype=object)[target.astype(int)]

    found = said(
        *(sample(400, seed=seed, word=word, told=shown) for seed, word in ((1, "t"), (2, "h"))),
        answers=Answers(task, ("no", "yes") if task == "multiclass" else ()),  # type: ignore[arg-type]
    )
    assert (task == "ranking", task != "ranking") == (found.passed, "`told` alone tells" in found.reason)


def test_what_cannot_be_compared_fails() -> None:
    training, held = sample(100, seed=1, word="t"), sample(100, seed=2, word="h", start="2020-02-01")
    empty = sample(0, seed=1, word="t", age=lambda _, __, target: target)
    nobody = replace(training, entity=None, time=None)
    alike = replace(held, target=np.ones(100))
    for one, other, params, says in (
        (empty, held, {}, "there are 0 training and 100 held-out rows"),
        (training, replace(empty), {}, "0 held-out rows"),
        (nobody, held, {"after": timedelta(0)}, "it is not known whose the rows are; it is not known when the rows are of"),
        (training, alike, {}, "what one input tells is not defined on these rows"),
    ):
        found = said(one, other, **params)
        assert (False, True) == (found.passed, says in found.reason), found.reason
    assert not judge(HeldOut(held.rows, held.target, held.target), Params(), seed=7).passed


def test_rows_that_were_not_kept_fail_it(asked, register) -> None:
    told = asked(register(), "leakage")
    assert (False, True) == (told["passed"], "`training` cannot be had: the artifact sha256:" in told["reason"])
