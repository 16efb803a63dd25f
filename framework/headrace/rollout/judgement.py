"""What the counts of a rollout say: evidence for each metric, what has passed, what aborts, whether the shares are right."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from math import log

from headrace.rollout.canary import Canary
from headrace.stats.eprocess import Stratum, abort_evidence, e_share, promote_evidence
from headrace.traffic import ERROR_RATE, Abort, Rule, Watch

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
        """Whether every metric that is judged has passed."""
        return bool(self.evidence) and set(self.evidence) <= set(self.passed)


def watch(canary: Canary) -> Watch:
    """The abort side, as the serving process judges by it too."""
    rules = tuple(
        Rule(
            metric=judge.metric,
            over=None if judge.over is None else judge.over.total_seconds(),
            ceiling=judge.ceiling,
            promote_below=judge.promote_below,
            negligible=judge.negligible,
        )
        for judge in canary.judge
    )
    return Watch(rules, canary.false_rollback, canary.warmup.requests)


def judge(canary: Canary, counts: Mapping[str, Sequence[Stratum]], passed: Sequence[str], since: timedelta | None) -> Judgement:
    """Judge the merged counts, one stratum an epoch, by metric; `error_rate` counts every request and is always there.

    A metric that has passed stays passed: its e-process is valid at any moment, so once is enough. Nothing passes before the candidate is
    warm: `since` is how long it has answered, None where time is driven and requests alone count.
    """
    requests = counts.get(ERROR_RATE, ())
    asked, answered = watch(canary), sum(stratum.n_candidate for stratum in requests)
    warm = answered >= canary.warmup.requests and (since is None or since >= canary.warmup.time)
    found: dict[str, Evidence] = {
        rule.metric: _evidence(rule, counts.get(rule.metric, ()), canary, passed, warm=warm) for rule in asked.rules
    }
    return Judgement(
        evidence=found,
        passed=tuple(metric for metric, evidence in found.items() if evidence.passed),
        abort=asked.verdict(counts),
        wrong_share=any(e_share(stratum) >= ALARM for stratum in requests),
        requests=answered,
    )


def _evidence(rule: Rule, strata: Sequence[Stratum], canary: Canary, passed: Sequence[str], *, warm: bool) -> Evidence:
    promote, needed = promote_evidence(strata, rule.promote_below, rule.negligible), log(1.0 / canary.false_promotion)
    return Evidence(
        abort=abort_evidence(strata, rule.ceiling),
        abort_at=log(len(canary.judge) / canary.false_rollback),
        promote=promote,
        promote_at=needed,
        passed=rule.metric in passed or (warm and promote >= needed),
        n_candidate=sum(s.n_candidate for s in strata),
        bad_candidate=sum(s.bad_candidate for s in strata),
        n_champion=sum(s.n_champion for s in strata),
        bad_champion=sum(s.bad_champion for s in strata),
    )
