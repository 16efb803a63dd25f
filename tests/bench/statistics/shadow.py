"""Shadow traffic: how many mirrored requests tell 12 % of errors from 10 %, and how often equal models are told apart."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from rows import Row, at_most, requests

from headrace.stats.paired_eprocess import Pairs, no_worse, worse

ALPHA, LOOK, MOST = 0.05, 50, 40_000
OVERLAP = 0.075
"""The share of requests that both models have wrong: of two good models most errors are common ones."""


def rows(runs: int, seed: int) -> Iterator[Row]:
    runs = max(200, runs // 4)
    _, found = _run(runs, seed, 0.12 - OVERLAP, 0.10 - OVERLAP, worse)
    yield requests("12 % against 10 % wrong, 7.5 % both: mirrored requests until it shows, a look every 50", found, 1600)
    for name, candidate, champion, evidence in (
        ("equal models called worse", 0.025, 0.025, worse),
        ("a model 2 % worse called no worse by 2 %", 0.045, 0.025, lambda pairs: no_worse(pairs, 0.02)),
    ):
        top, _ = _run(runs, seed, candidate, champion, evidence)
        yield at_most(f"{name}, {MOST:,} requests, a look every 50", int((top >= np.log(1 / ALPHA)).sum()), runs, ALPHA)


def _run(runs, seed, candidate, champion, evidence) -> tuple[np.ndarray, np.ndarray]:
    rng, top, found = np.random.default_rng(seed), np.full(runs, -np.inf), np.full(runs, np.inf)
    for run in range(runs):
        steps = np.cumsum(rng.multinomial(LOOK, [candidate, champion, 1 - candidate - champion], MOST // LOOK), axis=0)
        for look, (one, other, _) in enumerate(steps.tolist(), start=1):
            value = evidence(Pairs(look * LOOK, one, other))
            top[run] = max(top[run], value)
            if value >= np.log(1 / ALPHA):
                found[run] = look * LOOK
                break
    return top, found
