"""The gate `performance`: times and memory that were measured in a process of its own, held against bounds."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from headrace.builtin.gates.performance import Params, judge
from headrace.hooks import Algorithm, HeldOut, Measured, NoAnswer
from headrace.testing.beside import answer, rows_of

MEASURED = Measured(np.linspace(0.001, 0.1, 100), np.full(9, 0.05), 1000, 100_000_000, 140_000_000, 150_000_000, 153_000_000, 800_000)


def held(measure=lambda *_: MEASURED, n: int = 50) -> HeldOut:
    target = (np.arange(n) % 2).astype(float)
    rows = rows_of(target, np.random.default_rng(1))
    return HeldOut(rows, target, answer(rows), measure=measure)


@pytest.mark.parametrize(
    ("params", "says"),
    [
        ({"p50": "52ms"}, None),
        ({"p50": "50ms"}, "p50 51 ms (at most 50 ms)"),
        ({"p95": "95ms"}, "p95 96 ms"),
        ({"p99": "99ms"}, "p99 100 ms (at most 99 ms)"),
        ({"throughput": 20_000.0}, None),
        ({"throughput": 20_001.0}, "throughput 20,000 rows/s (at least 20,001 rows/s)"),
        ({"memory": 53.0}, None),
        ({"memory": 52.0}, "memory 53 MB (at most 52 MB)"),
        ({"growth": 2.9}, "growth 3 MB"),
        ({"traced": 0.7}, "traced 0.8 MB"),
    ],
)
def test_a_bound_is_kept_or_named(params: dict, says: str | None) -> None:
    found = judge(held(), Params(**params), seed=7)
    assert (says is None, True) == (found.passed, says is None or says in found.reason), found.reason
    assert 0.1 == found.value
    assert {"p50", "p95", "p99", "throughput", "memory", "growth", "traced"} <= found.evidence["measured"].keys()


def test_what_cannot_be_measured_fails() -> None:
    def ends(*_):
        raise NoAnswer("its process ended with 1: boom")

    for given, says in (
        (held(None), "no process"),
        (held(ends), "ended with 1: boom"),
        (held(lambda *_: replace(MEASURED, single=np.empty(0))), "nothing was measured"),
        (held(n=0), "no rows"),
    ):
        found = judge(given, Params(), seed=7)
        assert (False, True) == (found.passed, says in found.reason), found.reason


FEW = {"requests": 100, "warm_up": 10, "batches": 5, "batch": 200}


@pytest.mark.slow
def test_a_model_is_measured_in_a_process_of_its_own(register, asked) -> None:
    said = asked(register(), "performance", p50="0.001ms", p99="30s", throughput=1.0, memory=4000.0, **FEW)
    found = said["evidence"]["measured"]
    assert (False, ["p50"]) == (said["passed"], said["evidence"]["not_kept"])
    assert 0 < found["p50"] <= found["p95"] <= found["p99"]
    assert 0 < found["traced"] < found["memory"]
    assert 100 == said["n"]


@pytest.mark.slow
def test_a_model_that_only_this_process_can_read_fails_with_what_the_other_said(candidate, rows, asked, plugins) -> None:
    known = plugins.algorithms["lightgbm.classifier"]
    own = Algorithm("own.model", "binary", known.params, known.fit, known.save, known.load, known.format)
    frame = rows(300, lambda rng, n: {"age": rng.normal(size=n), "left": np.arange(n) % 2.0})
    here = replace(plugins, algorithms=plugins.algorithms | {"own.model": own})
    said = asked(candidate(frame, {"age": "number"}, given=own), "performance", plugins=here, **FEW)
    assert (False, True) == (said["passed"], "its process ended with 1: KeyError: 'own.model'" in said["reason"]), said["reason"]
