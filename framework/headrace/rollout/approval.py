"""Who must agree before a candidate gets traffic, more of it, or all: asked at each of these moments, and nothing moves until they have."""

from __future__ import annotations

from dataclasses import dataclass, field

from headrace.compiled import GovernanceConfig
from headrace.governance import Outcome, Standing
from headrace.registry import admission
from headrace.rollout import record
from headrace.rollout.canary import Progress
from headrace.rollout.carry_out import FLOW, Scene, told
from headrace.rollout.decide import Action, Promote, Raise, Start, StartBake, interval
from headrace.rollout.state import State
from headrace.store import due

AWAITING = "awaiting approval"
"""What a look says of a candidate that votes are missing for."""
REFUSED = "refused by policy"


@dataclass(frozen=True, slots=True)
class Governed:
    """Which policies hold, and where."""

    environment: str = ""
    governance: GovernanceConfig = field(default_factory=GovernanceConfig)


UNGOVERNED = Governed()
"""Nobody must agree."""


def asked(scene: Scene, governed: Governed, action: Action) -> Standing | None:
    """What the policies say of what is to be done; None where nobody has to agree to it."""
    number = _entering(scene, action)
    if number is None:
        return None
    return admission.admit(scene.session, governed.governance, governed.environment, scene.model, number, now=scene.now, cause=scene.cause)


def expired(scene: Scene, action: Action) -> bool:
    """Whether what is to be done is for a candidate that was let through by a waiver which is over: then it is a candidate no more."""
    number = _entering(scene, action)
    return number is not None and admission.expired(scene.session, scene.model, number, now=scene.now) is not None


def wait(scene: Scene, standing: Standing) -> Progress:
    """Move nothing, and say what is waited for; the next look is when the request lapses, or as often as a rollout is looked at."""
    row, request = record.running_row(scene.session, scene.model), standing.request
    if row is not None:
        row.details = {**row.details, "held": "approval"}
        scene.session.flush()
        due.put(
            scene.session,
            scene.model,
            FLOW,
            scene.now + interval(scene.canary, row.step, baking=row.state == State.BAKING),
            "its rollout waits for approval",
        )
    elif request.deadline is not None and standing.outcome is Outcome.WAITING:
        due.put(scene.session, scene.model, FLOW, request.deadline, "its approval lapses")
    else:
        due.drop(scene.session, scene.model, FLOW)
    state = AWAITING if standing.outcome is Outcome.WAITING else REFUSED
    return told(
        scene, None, row, reason=f"{state}: {standing.reason}", state=state, waits=request.number, request=request.id,
        deadline=None if request.deadline is None else request.deadline.isoformat(),
    )  # fmt: skip


def _entering(scene: Scene, action: Action) -> int | None:
    """The version that would get traffic, or more of it."""
    match action:
        case Start(candidate=candidate) | Promote(candidate=candidate):
            return candidate
        case Raise() | StartBake():
            row = record.running_row(scene.session, scene.model)
            return None if row is None else row.candidate
        case _:
            return None
