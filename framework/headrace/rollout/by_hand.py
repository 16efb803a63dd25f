"""What a person does to a rollout: pauses it, lets it go on, ends it, or promotes what it has not decided on yet."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlmodel import Session

from headrace.diagnostics import Diagnostic, Exit, HeadraceError
from headrace.governance import Outcome
from headrace.rollout import approval, record
from headrace.rollout.approval import Governed
from headrace.rollout.canary import UNJUDGED
from headrace.rollout.carry_out import FLOW, Scene, carry_out, close, everything_to, told
from headrace.rollout.decide import BY_HAND, Facts, Promote
from headrace.store import EventKind, Store, due, tables


@dataclass(frozen=True, slots=True)
class Done:
    """What came of it, within one transaction: whether anything `changed`, which version it is about, and why, in words."""

    model: str
    changed: bool
    candidate: int | None
    reason: str
    waits: bool = False
    """Whether votes are missing, which were asked for now if they were not before."""


def pause(store: Store, *, model: str, actor: str, reason: str) -> Done:
    """Let a rollout stay as it is: no more traffic, no promotion, no end for silence. Harm and lost ground end it all the same."""
    with _scene(store, model, actor, "pause", reason) as (scene, _, row):
        if row is None:
            return Done(model, changed=False, candidate=None, reason="no rollout runs")
        if row.details.get("paused") is not None:
            return Done(model, changed=False, candidate=row.candidate, reason="it is paused already")
        paused = {"by": actor, "reason": reason, "at": scene.now.isoformat()}
        row.details = {**row.details, "paused": paused, "held": "paused"}
        told(scene, EventKind.ROLLOUT_HELD, row, reason=f"paused: {reason}", held="paused")
        return Done(model, changed=True, candidate=row.candidate, reason=reason)


def resume(store: Store, *, model: str, actor: str, reason: str) -> Done:
    """Let a rollout go on that was paused, or whose step waits for that. The step holds for as much longer as it was paused."""
    with _scene(store, model, actor, "resume", reason) as (scene, _, row):
        if row is None:
            return Done(model, changed=False, candidate=None, reason="no rollout runs")
        paused = row.details.get("paused")
        if paused is None and row.details.get("held") != "paused":
            return Done(model, changed=False, candidate=row.candidate, reason="it is not paused")
        if paused is None:
            row.details = {**row.details, "released": row.step}
        else:
            row.step_since += scene.now - datetime.fromisoformat(paused["at"])
        row.details = {**row.details, "paused": None, "held": None, "resumed_at": scene.now.isoformat()}
        due.put(scene.session, model, FLOW, scene.now, "it was resumed")
        told(scene, EventKind.ROLLOUT_HELD, row, reason=f"resumed: {reason}", held=None)
        return Done(model, changed=True, candidate=row.candidate, reason=reason)


def abort(store: Store, *, model: str, actor: str, reason: str) -> Done:
    """End a rollout: the champion answers everything, and stays the champion. Twice is once; without a rollout nothing is done."""
    with _scene(store, model, actor, "abort", reason) as (scene, facts, row):
        if row is None:
            return Done(model, changed=False, candidate=None, reason="no rollout runs")
        champion = facts.champion or row.champion or 0
        everything_to(scene, champion, reason)
        close(scene, row, BY_HAND, reason)
        told(scene, EventKind.ROLLOUT_ROLLED_BACK, row, reason=reason, verdict=BY_HAND)
        return Done(model, changed=True, candidate=row.candidate, reason=reason)


def promote(store: Store, *, model: str, actor: str, reason: str, governed: Governed) -> Done:
    """Make the candidate the champion now, without what its rollout has not shown yet; a bake is left out, too.

    Whoever must agree is asked first: while votes are missing it `waits`, and nothing but that they were asked for has changed.
    HeadraceError (exit 4): `no-candidate`; `not-promotable` where there is evidence of harm, or the candidate no longer passes its gates.
    """
    with _scene(store, model, actor, "promote", reason) as (scene, facts, row):
        number = facts.waiting if row is None else row.candidate
        if number is None:
            help_ = f"`headrace models {model}` lists what there is"
            raise HeadraceError(Diagnostic("no-candidate", f"model/{model} has no candidate to promote", help=help_), Exit.REFUSED)
        _refuse_harmful(scene, facts, row)
        action = Promote(number, None, f"by hand: {reason}", BY_HAND)
        if approval.expired(scene, action):
            return Done(model, changed=False, candidate=number, reason="what waived its gates is over")
        standing = approval.asked(scene, governed, action)
        if standing is not None and standing.outcome is not Outcome.APPROVED:
            waits = standing.outcome is Outcome.WAITING
            return Done(model, changed=False, candidate=number, reason=standing.reason, waits=waits)
        carry_out(scene, action)
        return Done(model, changed=True, candidate=number, reason=reason)


@contextmanager
def _scene(store: Store, model: str, actor: str, doing: str, reason: str) -> Iterator[tuple[Scene, Facts, tables.Rollout | None]]:
    with store.transaction(actor, f"{doing} rollout", f"model/{model}", reason=reason) as session:
        facts = record.facts(session, UNJUDGED, model, {})
        yield Scene(session, model, facts.now, None, facts.weights, UNJUDGED), facts, record.running_row(session, model)


def _refuse_harmful(scene: Scene, facts: Facts, row: tables.Rollout | None) -> None:
    if row is None:
        return
    why = None
    harm = [
        metric
        for metric, found in row.details.get("evidence", {}).items()
        if found.get("decides") != "promote" and found["abort"] >= found["abort_at"]
    ]
    if facts.withdrawn:
        why = "it no longer passes its gates"
    elif facts.weights is not None and facts.weights.share == 0.0:
        why = "it was aborted while serving"
    elif harm:
        why = f"there is evidence of harm by {', '.join(harm)}"
    if why is not None:
        message = f"model/{scene.model} v{row.candidate} cannot be promoted: {why}"
        help_ = f"`headrace rollout status {scene.model}` shows the evidence"
        raise HeadraceError(Diagnostic("not-promotable", message, help=help_), Exit.REFUSED)


def standing(session: Session, model: str) -> dict[str, Any] | None:
    """How the newest rollout of a model stands, as plain values; None where there was none."""
    row = record.newest_row(session, model)
    if row is None:
        return None
    running = record.running_row(session, model)
    looks = [item.at.isoformat() for item in due.list(session) if (item.model, item.flow) == (model, FLOW)]
    weights = record.facts(session, UNJUDGED, model, {}).weights
    return {
        "state": row.state,
        "running": running is not None and running.id == row.id,
        "candidate": row.candidate,
        "champion": row.champion,
        "step": row.step,
        "share": weights.share if weights is not None and running is not None else 0.0,
        "started_at": row.started_at.isoformat(),
        "step_since": row.step_since.isoformat(),
        "held": row.details.get("held"),
        "paused": row.details.get("paused"),
        "verdict": row.details.get("verdict"),
        "reason": row.details.get("reason"),
        "evidence": row.details.get("evidence", {}),
        "look": looks[0] if looks else None,
    }
