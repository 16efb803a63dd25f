"""How many requests a bake needs until harm is found, after a healthy canary; prints medians and 90 % quantiles.

Run: python tests/bench/statistics/baked.py   (under a minute; the same seed gives the same figures)

The canary is 4,000 requests at 50 %, the champion fails in 1 % throughout, one metric at a `false_rollback` of 5 %. Requests are those of
both arms in the bake, judged after every 20, and after every fiftieth part of all before once there are many.
"""

from __future__ import annotations

from itertools import product
from math import log

import numpy as np
from numpy.typing import NDArray

from headrace.stats.eprocess_many import Evidence

BASE, RUNS, CANARY, MOST = 0.01, 400, 4000, 400_000


def requests(rng: np.random.Generator, rate: float, holdback: float, ceiling: float | None) -> NDArray[np.float64]:
    """Of each run (RUNS,); infinite where nothing was found in MOST."""
    evidence = Evidence(RUNS, [0.5, 1 - holdback], ceiling=ceiling, margin=2.0, negligible=0.005)
    n = rng.binomial(CANARY, 0.5, RUNS)
    evidence.add(np.zeros(RUNS, dtype=np.int64), n, rng.binomial(n, BASE), rng.binomial(CANARY - n, BASE))
    going, found, total = np.arange(RUNS), np.full(RUNS, np.inf), 0
    while len(going) and total < MOST:
        size = max(20, int(total * 0.02))
        total += size
        n = rng.binomial(size, 1 - holdback, len(going))
        evidence.add(np.ones(len(going), dtype=np.int64), n, rng.binomial(n, rate), rng.binomial(size - n, BASE))
        harm = evidence.abort() >= log(1 / 0.05)
        found[going[harm]] = total
        going = going[~harm]
        evidence.keep(~harm)
    return found


def main() -> None:
    """All that the page on rollouts shows."""
    rng = np.random.default_rng(7)
    for holdback, rate, ceiling in product((0.05, 0.1, 0.2), (0.5, 0.05, 0.02), (None, 0.02)):
        found = requests(rng, rate, holdback, ceiling)
        median, most = np.quantile(found, [0.5, 0.9])
        print(f"holdback {holdback:.0%}  rate {rate:.0%}  ceiling {ceiling}  {median:,.0f} / {most:,.0f}")


if __name__ == "__main__":
    main()
