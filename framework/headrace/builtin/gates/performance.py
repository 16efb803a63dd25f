"""The candidate is as fast and as small as was asked for, measured after a warm-up in a process that runs nothing else.

A percentile is a time that was measured, never one between two. Memory is what the process holds: `memory` what the model costs from before
it is read until all was asked, `growth` what is left over by the requests after the warm-up; `traced` is what Python's own allocator held
at most meanwhile.
"""

from __future__ import annotations

from datetime import timedelta

from pydantic import BaseModel, ConfigDict, Field

from headrace.hooks import Duration, Gate, HeldOut, Measured, NoAnswer, Ruling
from headrace.hooks.answers import TASKS

_MB = 1_000_000
_LATENCIES = {"p50": 0.5, "p95": 0.95, "p99": 0.99}
_BOUNDS = (*_LATENCIES, "throughput", "memory", "growth", "traced")


class Params(BaseModel):
    """The parameters of `performance`; a bound that is not given is not judged, and is measured all the same."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    p50: Duration | None = Field(default=None, description="The greatest median time of one row.", examples=["5ms"])
    p95: Duration | None = Field(default=None, description="The greatest 95th percentile of it.", examples=["20ms"])
    p99: Duration = Field(default=timedelta(milliseconds=100), description="The greatest 99th percentile of it.", examples=["40ms"])
    throughput: float | None = Field(default=None, gt=0, description="The least rows a second in batches, their median.", examples=[10_000])
    memory: float | None = Field(
        default=None, gt=0, description="The most megabytes that loading and asking the model cost.", examples=[500]
    )
    growth: float | None = Field(default=None, gt=0, description="The most megabytes more after the requests than after the warm-up.")
    traced: float | None = Field(default=None, gt=0, description="The most megabytes that Python's own allocator holds meanwhile.")
    warm_up: int = Field(default=100, ge=10, le=10_000, description="One-row requests before the clock counts.")
    requests: int = Field(default=500, ge=100, le=100_000, description="One-row requests that it counts.")
    batches: int = Field(default=20, ge=5, le=1000, description="Batches that it counts.")
    batch: int = Field(default=1000, ge=1, le=100_000, description="Rows of one batch.")


def judge(held_out: HeldOut, params: Params, *, seed: int) -> Ruling:
    """Whether every bound is kept; `value` is the 99th percentile in seconds. All that was measured is evidence."""
    del seed
    if not len(held_out.target):
        return Ruling(passed=False, reason="there are no rows to ask the candidate about", n=0)
    if held_out.measure is None:
        return Ruling(passed=False, reason="there is no process to measure in")
    try:
        measured = held_out.measure(params.warm_up, params.requests, params.batches, params.batch)
    except NoAnswer as why:
        return Ruling(passed=False, reason=f"the candidate could not be measured: {why}")
    if not len(measured.single) or not len(measured.batch):
        return Ruling(passed=False, reason="nothing was measured")
    found = _figures(measured)
    over = [word for word in _BOUNDS if (bound := _bound(params, word)) is not None and not _kept(word, found[word], bound)]
    asked = [word for word in _BOUNDS if _bound(params, word) is not None]
    told = ", ".join(f"{word} {_shown(word, found[word])} ({_wanted(word, _bound(params, word))})" for word in over or asked)
    reason = f"{len(asked) - len(over)} of {len(asked)} bounds are kept{'; not: ' if over else ': '}{told}"
    return Ruling(
        passed=not over,
        reason=reason,
        value=found["p99"],
        threshold=_bound(params, "p99"),
        n=len(measured.single),
        evidence={"measured": found, "bounds": {word: _bound(params, word) for word in asked}, "not_kept": over},
    )


def _figures(measured: Measured) -> dict[str, float]:
    """Seconds, rows a second, megabytes."""
    import numpy as np

    quantiles = {word: float(np.quantile(measured.single, share, method="higher")) for word, share in _LATENCIES.items()}
    return {
        **quantiles,
        "throughput": measured.rows / float(np.median(measured.batch)),
        "memory": (measured.after - measured.before) / _MB,
        "growth": (measured.after - measured.warm) / _MB,
        "traced": measured.traced / _MB,
        "requests": float(len(measured.single)),
        "batch": float(measured.rows),
    }


def _bound(params: Params, word: str) -> float | None:
    value: timedelta | float | None = getattr(params, word)
    return value.total_seconds() if isinstance(value, timedelta) else value


def _kept(word: str, found: float, bound: float) -> bool:
    return found >= bound if word == "throughput" else found <= bound


def _shown(word: str, value: float) -> str:
    if word in _LATENCIES:
        return f"{value * 1000:.3g} ms"
    return f"{value:,.0f} rows/s" if word == "throughput" else f"{value:.3g} MB"


def _wanted(word: str, bound: float | None) -> str:
    return f"at {'least' if word == 'throughput' else 'most'} {_shown(word, bound or 0.0)}"


GATE = Gate(name="performance", judge=f"{__name__}:judge", params=f"{__name__}:Params", asks=("process",), tasks=TASKS, measures=True)
