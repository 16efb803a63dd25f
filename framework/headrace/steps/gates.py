"""What a generated `train` flow calls last: judge the candidate."""

from __future__ import annotations

from headrace import gates
from headrace.gates import Gate, Verdict
from headrace.steps import run
from headrace.steps.workspace import workspace
from headrace.training import Candidate

__all__ = ["judge"]


def judge(candidate: Candidate, *asked: Gate) -> Verdict:
    """Whether the candidate may go on, and why; ends the run."""
    with workspace("train") as w, run.running(w, model=candidate.model, flow="train", run_id=candidate.run_id, last=True) as step:
        verdict = gates.judge(
            w.store, w.plugins, actor=w.actor, model=candidate.model, number=candidate.number, run_id=candidate.run_id, gates=asked
        )
        step.details["verdict"] = {"passed": verdict.passed, "failed": verdict.payload["failed"], "warned": verdict.payload["warned"]}
        return verdict
