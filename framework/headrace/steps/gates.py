"""What a generated `train` flow calls last, and a `judge` flow does: the newest version, and what the gates say of it."""

from __future__ import annotations

from headrace import gates, registry
from headrace.compiled import read_serving
from headrace.features import Origins, online
from headrace.gates import Gate, Verdict
from headrace.hooks import Live
from headrace.steps import carded, run, tracked
from headrace.steps.workspace import Workspace, workspace
from headrace.training import Candidate

__all__ = ["judge", "newest"]


def newest(*, model: str, cause: str | None = None) -> Candidate:
    """The newest version as it was registered, to be judged again; nothing is trained. Starts the run that answers `cause`."""
    with workspace("judge") as w, run.running(w, model=model, flow="judge", cause=cause) as step:
        with w.store.read() as session:
            version = registry.find(session, model, "latest")
        step.details["candidate"] = {"number": version.number, "run": version.run_id}
        return Candidate(model, version.number, step.id, version.manifest_digest, dict(version.manifest.get("metrics", {})))


def judge(candidate: Candidate, *asked: Gate) -> Verdict:
    """Whether the candidate may go on, and why; ends the run."""
    with workspace("train") as w, run.running(w, model=candidate.model, flow="train", run_id=candidate.run_id, last=True) as step:
        verdict = gates.judge(
            w.store,
            w.plugins,
            actor=w.actor,
            model=candidate.model,
            number=candidate.number,
            run_id=candidate.run_id,
            gates=asked,
            live=lambda: _live(w, candidate.model),
            declared=carded.said(w, candidate.model),
        )
        step.details["verdict"] = {"passed": verdict.passed, "failed": verdict.payload["failed"], "warned": verdict.payload["warned"]}
        tracked.judged(w, candidate, passed=verdict.passed)
        w.witness()
        return verdict


def _live(w: Workspace, model: str) -> Live:
    """What servers read of the model's features and answered from, beside what its training would read."""
    origins = Origins(w.root, w.config.sources, w.plugins.readers)
    inputs = read_serving(w.root, model).inputs
    with w.store.read() as session:
        return online.live(session, origins, w.config.views, w.config.online, model=model, inputs=inputs)
