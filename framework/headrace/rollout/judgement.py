"""What the counts of a rollout say: evidence for each metric, what has passed, what aborts, whether the shares are right."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from math import log
from typing import Literal

from headrace.rollout.canary import Canary, Judge
from headrace.rollout.measured import DISAGREEMENT, SHIFT
from headrace.stats.eprocess import (
    Stratum,
    abort_evidence,
    e_absolute,
    e_beyond,
    e_ceiling,
    e_share,
    e_within,
    promote_evidence,
)
from headrace.traffic import ERROR_RATE, SLOW_REQUEST, Abort, Rule, Watch

DEALT = "dealt"
"""Among counts: how many units of each arm were there in each epoch, where units are judged and not requests."""
ALARM = log(1000.0)
"""The evidence at which a share counts as wrong."""


@dataclass(frozen=True, slots=True)
class Evidence:
    """One metric's numbers: natural logarithms of its e-processes beside what they need, and the counts of both arms."""

    abort: float
    abort_at: float
    promote: float
    promote_at: float
    passed: bool
    n_candidate: int
    bad_candidate: int
    n_champion: int
    bad_champion: int
    decides: Literal["both", "promote", "abort"] = "both"
    failed: str | None = None
    """Why nothing could be counted; then there is no evidence either way."""


@dataclass(frozen=True, slots=True)
class Judgement:
    """Evidence by metric; `passed` names the metrics that passed now or before."""

    evidence: Mapping[str, Evidence]
    passed: tuple[str, ...]
    abort: Abort | None
    wrong_share: bool
    """Requests do not arrive at the share that was set, so nothing that is computed from it holds."""
    requests: int
    """What the candidate was asked, in all."""

    @property
    def all_passed(self) -> bool:
        """Whether every metric that promotion waits for has passed."""
        waited = {metric for metric, evidence in self.evidence.items() if evidence.decides != "abort"}
        return bool(waited) and waited <= set(self.passed)

    @property
    def failed(self) -> str:
        """What could not be counted, as a reason ends with it; empty where all could."""
        return "".join(f"; {metric} could not be counted: {found.failed}" for metric, found in self.evidence.items() if found.failed)


def watch(canary: Canary) -> Watch:
    """The abort side as servers judge by it: of the chance of a false rollback they have the part of what they count."""
    rules = tuple(
        Rule(
            metric=judge.metric,
            over=None if judge.over is None else judge.over.total_seconds(),
            ceiling=judge.ceiling,
            promote_below=judge.promote_below,
            negligible=judge.negligible,
            count=judge.count,
        )
        for judge in canary.judge
        if judge.aborts and judge.metric in {ERROR_RATE, SLOW_REQUEST}
    )
    part = len(rules) / sum(judge.aborts for judge in canary.judge) if rules else 1.0
    return Watch(rules, canary.false_rollback * part, canary.warmup.requests)


def judge(
    canary: Canary,
    counts: Mapping[str, Sequence[Stratum]],
    passed: Sequence[str],
    since: timedelta | None,
    failed: Mapping[str, str] | None = None,
) -> Judgement:
    """Judge the merged counts, one stratum an epoch, by metric; `error_rate` counts every request and is always there.

    A metric that has passed stays passed: its e-process is valid at any moment, so once is enough. Nothing passes before the candidate is
    warm: `since` is how long it has answered, None where time is driven and requests alone count. `failed` says of a metric why it could
    not be counted.
    """
    requests = counts.get(ERROR_RATE, ())
    answered = sum(stratum.n_candidate for stratum in requests)
    warm = answered >= canary.warmup.requests and (since is None or since >= canary.warmup.time)
    found: dict[str, Evidence] = {one.metric: _evidence(one, counts.get(one.metric, ()), canary, passed, warm=warm) for one in canary.judge}
    found = {metric: replace(evidence, failed=(failed or {}).get(metric)) for metric, evidence in found.items()}
    shared = [counts.get(DEALT, requests), *(counts.get(one.metric, ()) for one in canary.judge if not one.counted)]
    return Judgement(
        evidence=found,
        passed=tuple(metric for metric, evidence in found.items() if evidence.passed),
        abort=_abort(found),
        wrong_share=any(e_share(stratum) >= ALARM for strata in shared for stratum in strata),
        requests=answered,
    )


def _abort(found: Mapping[str, Evidence]) -> Abort | None:
    """The clearest evidence that suffices; None while there is none."""
    enough = [
        Abort(metric, one.abort, one.abort_at, n=one.n_candidate, bad=one.bad_candidate)
        for metric, one in found.items()
        if one.decides != "promote" and one.abort >= one.abort_at
    ]
    return max(enough, key=lambda abort: abort.evidence, default=None)


def _evidence(one: Judge, strata: Sequence[Stratum], canary: Canary, passed: Sequence[str], *, warm: bool) -> Evidence:
    abort, promote = weighed(one, strata)
    needed = log(1.0 / canary.false_promotion)
    return Evidence(
        abort=abort,
        abort_at=log(max(1, sum(judge.aborts for judge in canary.judge)) / canary.false_rollback),
        promote=promote,
        promote_at=needed,
        passed=one.metric in passed or (warm and promote >= needed),
        n_candidate=sum(s.n_candidate for s in strata),
        bad_candidate=sum(s.bad_candidate for s in strata),
        n_champion=sum(s.n_champion for s in strata),
        bad_champion=sum(s.bad_champion for s in strata),
        decides=one.decides,
    )


def weighed(one: Judge, strata: Sequence[Stratum]) -> tuple[float, float]:
    """Natural logarithms of the evidence to abort and to promote by one metric.

    A shift is harm either way, so both sides are judged. Pairs are of one arm: their rate stands for itself.
    """
    if one.metric == SHIFT:
        return e_beyond(strata, one.promote_below), e_within(strata, one.promote_below)
    if one.metric == DISAGREEMENT:
        n, bad = sum(s.n_candidate for s in strata), sum(s.bad_candidate for s in strata)
        return 0.0 if one.ceiling is None else e_ceiling(n, bad, one.ceiling), e_absolute(n, bad, one.negligible)
    return abort_evidence(strata, one.ceiling), promote_evidence(strata, one.promote_below, one.negligible)
