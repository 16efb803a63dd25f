"""The error rates and the speed that design/statistics promises, simulated with the grids of the code."""

import numpy as np
import pytest
from scipy.stats import beta

from headrace.stats import eprocess_many
from headrace.stats.eprocess import Stratum, abort_evidence, e_ratio, e_share, promote_evidence

RUNS, SEED, ALPHA = 4000, 20261121, 0.05


class Evidence(eprocess_many.Evidence):
    """The e-processes of many runs at once; counts are added block by block, all at one share."""

    def __init__(self, runs, *shares, ceiling=None, margin=2.0, negligible=0.005):
        super().__init__(runs, shares, ceiling=ceiling, margin=margin, negligible=negligible)
        self.shares = shares

    def add(self, w, n, x, bad_champion):
        super().add(np.full(len(self.n), self.shares.index(w)), *(np.asarray(v, dtype=np.int64) for v in (n, x, bad_champion)))


def lower_limit(hits, runs=RUNS):
    """The lower 99 % limit of a share (Clopper and Pearson)."""
    return beta.ppf(0.01, hits, runs - hits + 1) if hits else 0.0


def test_the_simulated_evidence_is_the_evidence_of_the_code():
    rng = np.random.default_rng(SEED)
    found, expected = Evidence(50, 0.05, 0.1, 0.5, ceiling=0.03, margin=1.5, negligible=0.01), [[] for _ in range(50)]
    for w in (0.05, 0.1, 0.5):
        n, b = rng.integers(0, 400, 50), rng.integers(0, 2000, 50)
        x, y = rng.binomial(n, 0.03), rng.binomial(b, 0.02)
        found.add(w, n, x, y)
        for run in range(50):
            expected[run].append(Stratum(w, *(int(v[run]) for v in (n, x, b, y))))
        shares = eprocess_many.shares(np.full(50, w), n, b)
        assert shares == pytest.approx([e_share(s[-1]) for s in expected], rel=1e-9, abs=1e-9)
    assert found.abort() == pytest.approx([abort_evidence(s, 0.03) for s in expected], rel=1e-9)
    assert found.promote() == pytest.approx([promote_evidence(s, 1.5, 0.01) for s in expected], rel=1e-9)
    assert found.ratio() == pytest.approx([e_ratio(s) for s in expected], rel=1e-9)
    none = Evidence(50, 0.1)
    none.keep(np.arange(50) < 20)
    assert (none.abort().tolist(), none.n.tolist()) == ([pytest.approx(0.0, abs=1e-12)] * 20, [0] * 20)


def by_failure(runs, w, base, candidate, *, requests, ceiling):
    """The greatest evidence to abort, looking after every request: it can only rise at a failure."""
    rng, evidence = np.random.default_rng(SEED), Evidence(runs, w, ceiling=ceiling)
    at, top = np.zeros(runs), np.full(runs, -np.inf)
    found = np.full(runs, np.inf)
    q = w * candidate + (1 - w) * base
    while q > 0:
        gap = rng.geometric(q, runs)
        at += gap
        live = at <= requests
        if not live.any():
            break
        mine = (rng.random(runs) < w * candidate / q) & live
        healthy = np.where(live, rng.binomial(gap - 1, w * (1 - candidate) / (1 - q)), 0)
        evidence.add(w, healthy + mine, mine.astype(float), (live & ~mine).astype(float))
        top = np.maximum(top, np.where(live, evidence.abort(), -np.inf))
        crossed = (top >= np.log(1 / ALPHA)) & np.isinf(found)
        found[crossed] = evidence.n[crossed]
        if ceiling is None and requests == np.inf and not np.isinf(found).any():
            break
    return top, found


@pytest.mark.slow
@pytest.mark.parametrize("share", [0.5, 0.1, 0.05])
@pytest.mark.parametrize("base", [0.0, 0.001, 0.01, 0.02])
def test_a_candidate_like_the_champion_is_seldom_rolled_back(share, base):
    """40,000 requests, a look at each; base 2 % is the ceiling itself. k = 2: two independent metrics."""
    top, _ = by_failure(2 * RUNS, share, base, base, requests=40_000, ceiling=0.02)
    one = (top[:RUNS] >= np.log(1 / ALPHA)).sum()
    two = (np.maximum(top[:RUNS], top[RUNS:]) >= np.log(2 / ALPHA)).sum()
    assert (lower_limit(one) <= ALPHA, lower_limit(two) <= ALPHA) == (True, True)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("start", "end", "ceiling", "alone"),
    [
        (0.005, 0.03, 0.05, False),
        (0.03, 0.005, 0.05, False),
        (0.005, 0.019, 0.02, False),
        (0.0005, 0.003, 0.02, False),
        (0.005, 0.03, 0.02, True),
    ],
)
def test_a_rising_share_under_a_moving_error_rate_is_seldom_rolled_back(start, end, ceiling, alone):
    rng = np.random.default_rng(SEED)
    evidence, top = Evidence(2 * RUNS, 0.05, 0.10, 0.25, 0.50, ceiling=ceiling), np.full(2 * RUNS, -np.inf)
    blocks, size = 400, 100
    for block in range(blocks):
        w, p = (0.05, 0.10, 0.25, 0.50)[block * 4 // blocks], start + (end - start) * block / (blocks - 1)
        n = rng.binomial(size, w, 2 * RUNS)
        evidence.add(w, n, rng.binomial(n, p), rng.binomial(size - n, p))
        top = np.maximum(top, np.log(0.8) + evidence.ratio() if alone else evidence.abort())
    one = (top[:RUNS] >= np.log(1 / ALPHA)).sum()
    two = (np.maximum(top[:RUNS], top[RUNS:]) >= np.log(2 / ALPHA)).sum()
    bound = 0.04 if alone else ALPHA
    assert (lower_limit(one) <= bound, lower_limit(two) <= bound) == (True, True)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("base", "candidate", "margin", "share"),
    [(0.01, 0.02, 2.0, 0.1), (0.01, 0.015, 1.5, 0.5), (0.0025, 0.005, 2.0, 0.1), (0.0, 0.005, 2.0, 0.1)],
)
def test_a_candidate_beyond_the_margin_is_seldom_promoted(base, candidate, margin, share):
    """Abort switched off, 40,000 requests, a look every 100."""
    rng = np.random.default_rng(SEED)
    evidence, top = Evidence(RUNS, share, margin=margin), np.full(RUNS, -np.inf)
    for _ in range(400):
        n = rng.binomial(100, share, RUNS)
        evidence.add(share, n, rng.binomial(n, candidate), rng.binomial(100 - n, base))
        top = np.maximum(top, evidence.promote())
    hits = (top >= np.log(1 / ALPHA)).sum()
    assert lower_limit(hits) <= ALPHA


@pytest.mark.slow
@pytest.mark.parametrize("base", [0.0, 0.001, 0.01])
def test_a_healthy_candidate_is_promoted_before_any_abort(base):
    """Margin 2, a tenth of the traffic, 40,000 requests, a look every 100."""
    rng = np.random.default_rng(SEED)
    evidence = Evidence(RUNS, 0.1, ceiling=0.02)
    promoted, aborted = np.zeros(RUNS, dtype=bool), np.zeros(RUNS, dtype=bool)
    for _ in range(400):
        n = rng.binomial(100, 0.1, RUNS)
        evidence.add(0.1, n, rng.binomial(n, base), rng.binomial(100 - n, base))
        aborted |= ~promoted & (evidence.abort() >= np.log(1 / ALPHA))
        promoted |= ~aborted & (evidence.promote() >= np.log(1 / ALPHA))
    assert promoted.mean() >= 0.94


@pytest.mark.parametrize("base", [0.0, 0.001, 0.01])
def test_five_percent_of_errors_are_found_in_time(base):
    """1 to 5 % at a tenth of the traffic: canary requests until the abort."""
    _, found = by_failure(RUNS, 0.1, base, 0.05, requests=np.inf, ceiling=None)
    median, ninth = np.quantile(found, [0.5, 0.9])
    assert (median <= 120, ninth <= 290) == (True, True)
