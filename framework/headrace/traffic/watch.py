"""When a candidate must stop answering at once: judged inside the serving process from the counts of all its workers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from math import log

from sqlmodel import Session

from headrace.stats.eprocess import Stratum, abort_evidence
from headrace.store import EventKind, Store, due, events
from headrace.traffic.counter import strata
from headrace.traffic.rule import Rule
from headrace.traffic.weights import CANDIDATE, CHAMPION, Arm, Weights, current, epochs, set_weights


@dataclass(frozen=True, slots=True)
class Abort:
    """The metric that decided, with its evidence and what was asked for (natural logarithms), and the candidate's counts."""

    metric: str
    evidence: float
    threshold: float
    n: int
    bad: int

    @property
    def reason(self) -> str:
        """As a person reads it."""
        return f"{self.metric}: {self.bad} of {self.n} candidate requests were bad, evidence {self.evidence:.2f} of {self.threshold:.2f}"


@dataclass(frozen=True, slots=True)
class Watch:
    """The rules of one rollout; `false_rollback` holds over all of them, all looks and all steps."""

    rules: tuple[Rule, ...]
    false_rollback: float
    warmup_requests: int = 0

    def verdict(self, counts: Mapping[str, Sequence[Stratum]]) -> Abort | None:
        """The clearest evidence that suffices, from the strata of each metric; None while there is none."""
        threshold = log(len(self.rules) / self.false_rollback) if self.rules else 0.0
        found = []
        for rule in self.rules:
            seen = counts.get(rule.metric, ())
            evidence = abort_evidence(seen, rule.ceiling)
            if evidence >= threshold:
                found.append(
                    Abort(rule.metric, evidence, threshold, n=sum(s.n_candidate for s in seen), bad=sum(s.bad_candidate for s in seen))
                )
        return max(found, key=lambda abort: abort.evidence, default=None)

    def look(self, session: Session, weights: Weights) -> Abort | None:
        """The verdict over all epochs of the rollout that these weights belong to, from the counts in the store."""
        if weights.share == 0.0:
            return None
        numbers = [epoch.epoch for epoch in epochs(session, weights)]
        return self.verdict({rule.metric: strata(session, weights.model, numbers, rule.metric) for rule in self.rules})


def abort(store: Store, weights: Weights, verdict: Abort, at: datetime) -> Weights | None:
    """Take all traffic from the candidate, and say so: the weights and the event rollout.aborted in one transaction.

    The flow `roll_out` does the bookkeeping: it is the event's successor, and due at once. None where the candidate of `weights` answers
    nothing any more, so that aborting twice is aborting once. A raise in between is no obstacle: what stands at commit is what is changed.
    """
    with store.transaction("service:serving", "abort", f"model/{weights.model}") as session:
        standing, judged = current(session, weights.model), weights.arm(CANDIDATE)
        candidate = None if standing is None else standing.arm(CANDIDATE)
        if standing is None or candidate is None or judged is None or candidate.weight == 0.0 or candidate.version != judged.version:
            return None
        arms = tuple(
            # Whatever else is on trial beside it ends with it.
            Arm(arm.name, arm.version, 1.0 if arm.name == CHAMPION else 0.0)
            for arm in standing.arms
            if arm.name in {CHAMPION, CANDIDATE}
        )
        changed = set_weights(session, model=weights.model, expected=standing.epoch, arms=arms, at=at, reason=verdict.reason)
        champion = changed.arm(CHAMPION)
        payload = {
            "candidate": candidate.version,
            "champion": champion.version if champion else None,
            "epoch": changed.epoch,
            "reason": verdict.reason,
            **asdict(verdict),
        }
        events.append(session, model=weights.model, kind=EventKind.ROLLOUT_ABORTED, payload=payload, at=at, successor="roll_out")
        due.put(session, weights.model, "roll_out", at, "the candidate was aborted")
        return changed
