"""The experiment's table: A/A with 100 looks in each design that allows them, and with one in the others; and 10^7 units analysed.

The upper limit of the simulation has to stay within 0.01 of alpha: designs that spend all of alpha need five times the runs to show that.
"""

from __future__ import annotations

import resource
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from rows import Row, surely_at_most

from headrace.stats import betting, confidence_sequence, proportions, welch
from headrace.stats.anytime_quantile import ranks
from headrace.stats.betting import Scores
from headrace.stats.confidence_sequence import LEAST_OF_A_KIND, LEAST_UNITS
from headrace.stats.cuped import Covaried, adjust
from headrace.stats.effect import Effect, difference, mean
from headrace.stats.group_sequential import boundaries
from headrace.stats.moments import JointMoments, Moments
from headrace.stats.proportions import Proportion
from headrace.stats.sample_ratio import ALARM, Arrivals, evidence

ALPHA, LOOKS, BLOCK = 0.05, 100, 100
UNITS = 10_000_000


def rows(runs: int, seed: int) -> Iterator[Row]:
    for share, rate in ((0.5, 0.1), (0.5, 0.01), (0.1, 0.05)):
        yield from _rates(5 * runs, seed, share, rate)
    yield from _means(5 * runs, seed)
    yield from _quantities(max(200, runs // 20), seed)
    yield _arrivals(runs, seed)
    yield _analysis()


def _rates(runs, seed, share, rate) -> Iterator[Row]:
    """Shares of units, dealt anew at each look."""
    rng = np.random.default_rng(seed)
    n = rng.binomial(BLOCK, share, (LOOKS, runs))
    counts = np.cumsum([n, rng.binomial(n, rate), BLOCK - n, rng.binomial(BLOCK - n, rate)], axis=1)
    nt, xt, nc, xc = counts.astype(float)
    name = f"A/A of a rate of {rate:g}, share {share:g}, {LOOKS * BLOCK:,} units"
    pt, pc = (x / np.maximum(n, 1) for x, n in ((xt, nt), (xc, nc)))
    error = np.sqrt(pt * (1 - pt) / np.maximum(nt, 1) + pc * (1 - pc) / np.maximum(nc, 1))
    enough = np.minimum.reduce([xt, nt - xt, xc, nc - xc]) >= LEAST_OF_A_KIND
    warm = enough & (np.minimum(nt, nc) >= LEAST_UNITS)
    yield _always(f"{name}, asymptotic, {LOOKS} looks after its warm-up", pt - pc, error, warm)
    last = (
        [Proportion(int(a), int(b)) for a, b in zip(nt[-1], xt[-1], strict=True)],
        [Proportion(int(a), int(b)) for a, b in zip(nc[-1], xc[-1], strict=True)],
    )
    wins = sum(proportions.compare(c, t, alpha=ALPHA).p <= ALPHA for t, c in zip(*last, strict=True))
    yield surely_at_most(f"{name}, two proportions, one look", wins, runs, ALPHA + 0.01)


def _means(runs, seed) -> Iterator[Row]:
    """Skewed values, a look each hundredth of the units."""
    rng = np.random.default_rng(seed)
    sums = np.zeros((2, 3, LOOKS, runs))
    for arm in range(2):
        for look in range(LOOKS):
            values = rng.exponential(1.0, (BLOCK // 2, runs))
            sums[arm, :, look] = np.full(runs, len(values)), values.sum(axis=0), (values**2).sum(axis=0)
    n, total, squares = np.cumsum(sums, axis=2).transpose(1, 0, 2, 3)
    value, variance = total / n, (squares - total**2 / n) / (n - 1)
    d, error = value[1] - value[0], np.sqrt((variance / n).sum(axis=0))
    name = f"A/A of a skewed mean, {LOOKS * BLOCK:,} units"
    yield _always(f"{name}, asymptotic, {LOOKS} looks after its warm-up", d, error, (n >= LEAST_UNITS).all(axis=0))
    information = [(look + 1) / LOOKS for look in range(LOOKS)]
    for spending in ("obrien_fleming", "pocock"):
        bounds = np.array(boundaries(information, alpha=ALPHA, spending=spending))[:, None]
        wins = int((np.abs(d / error) >= bounds).any(axis=0).sum())
        yield surely_at_most(f"{name}, group sequential, {spending}, {LOOKS} looks", wins, runs, ALPHA + 0.01)
    ends = [Moments.of_sums(int(n[0, -1, 0]), float(a), float(b)) for a, b in zip(total[0, -1], squares[0, -1], strict=True)]
    others = [Moments.of_sums(int(n[1, -1, 0]), float(a), float(b)) for a, b in zip(total[1, -1], squares[1, -1], strict=True)]
    wins = sum(welch.compare(difference(mean(a), mean(b)), alpha=ALPHA).p <= ALPHA for a, b in zip(ends, others, strict=True))
    yield surely_at_most(f"{name}, Welch, one look", wins, runs, ALPHA + 0.01)


def _always(name, d, error, warm) -> Row:
    """The interval of the code is linear in the error and goes by N: its half-width is asked for once a look."""
    looks, runs = d.shape
    wide = [
        confidence_sequence.compare(Effect(0.0, 1.0, (look + 1) * BLOCK, 1.0), planned=looks * BLOCK, alpha=ALPHA).high
        for look in range(looks)
    ]
    wins = (warm & (np.abs(d) > np.array(wide)[:, None] * error)).any(axis=0)
    return surely_at_most(name, int(wins.sum()), runs, ALPHA + 0.01)


def _quantities(runs, seed) -> Iterator[Row]:
    """Bounded scores and quantiles: how often the truth is outside at any of 100 looks."""
    rng, lost = np.random.default_rng(seed), {"scores": 0, "median": 0, "95th percentile": 0}
    limits = {at: [ranks((look + 1) * BLOCK, at, planned=LOOKS * BLOCK, alpha=ALPHA) for look in range(LOOKS)] for at in (0.5, 0.95)}
    for _ in range(runs):
        values, scores, outside = rng.random(LOOKS * BLOCK), Scores(), False
        heavy = values**4  # the mean of U^4 is 1/5
        for look in range(LOOKS):
            scores += Scores.of(heavy[look * BLOCK : (look + 1) * BLOCK])
            refused = max(betting.evidence_above(scores, 0.2), betting.evidence_below(scores, 0.2)) >= np.log(2 / ALPHA)
            outside |= bool(refused)
        lost["scores"] += outside
        for word, at in (("median", 0.5), ("95th percentile", 0.95)):
            upto = np.cumsum(values <= at)[BLOCK - 1 :: BLOCK]
            lost[word] += any(count < low or count >= high for count, (low, high) in zip(upto, limits[at], strict=True))
    for word, hits in lost.items():
        yield surely_at_most(f"the true {word} is outside at one of {LOOKS} looks", hits, runs, ALPHA + 0.01)


def _arrivals(runs, seed) -> Row:
    rng, alarms = np.random.default_rng(seed), 0
    weights = (0.5, 0.3, 0.2)
    counts = np.cumsum(rng.multinomial(BLOCK, weights, (runs, LOOKS)), axis=1)
    for run in counts:
        alarms += any(evidence([Arrivals(weights, tuple(look.tolist()))]) >= ALARM for look in run)
    return surely_at_most(f"right sample ratios alarm within {LOOKS} looks", alarms, runs, 0.01)


def _analysis() -> Row:
    """Units in Parquet, one row each with arm, outcome and covariate: read, summed, adjusted and tested in a process of its own."""
    import subprocess

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "units.parquet"
        subprocess.run([sys.executable, __file__, "write", str(path)], check=True)
        took = subprocess.run([sys.executable, __file__, "analyse", str(path)], check=True, capture_output=True, text=True)
    seconds, megabytes, theta = map(float, took.stdout.split())
    found = {"seconds": seconds, "megabytes": megabytes, "theta": theta, "at_most": [5.0, 500.0], "units": UNITS}
    return Row("10^7 units in Parquet analysed: CPU seconds, memory", found, kept=seconds < 5 and megabytes < 500)


def _write(path: str) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    rng = np.random.default_rng(1)
    schema = pa.schema([("arm", pa.bool_()), ("before", pa.float64()), ("outcome", pa.float64())])
    with pq.ParquetWriter(path, schema) as sink:
        for _ in range(10):
            before, arm = rng.lognormal(0, 1, UNITS // 10), rng.random(UNITS // 10) < 0.5
            outcome = before + 0.01 * arm + rng.normal(0, 1, UNITS // 10)
            sink.write_table(pa.table([arm, before, outcome], schema=schema))


def _analyse(path: str) -> None:
    import pyarrow.parquet as pq

    began, arms = time.process_time(), [Covaried(), Covaried()]
    for batch in pq.ParquetFile(path, pre_buffer=False).iter_batches(batch_size=1 << 18, use_threads=False):
        treated = batch["arm"].to_numpy(zero_copy_only=False)
        y, x = (batch[column].to_numpy() for column in ("outcome", "before"))
        for arm, of in enumerate((~treated, treated)):
            arms[arm] += Covaried(JointMoments.of(y[of], x[of]))
    found = adjust(*arms)
    welch.compare(difference(found.control, found.treatment), alpha=ALPHA)
    print(time.process_time() - began, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, found.theta)


if __name__ == "__main__":
    {"write": _write, "analyse": _analyse}[sys.argv[1]](sys.argv[2])
