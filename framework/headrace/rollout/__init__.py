"""How a candidate takes over, and what stops it: a pure `decide(facts)`, and what carries it out in one transaction."""

from headrace.rollout.advance import advance, replace, roll_back
from headrace.rollout.approval import UNGOVERNED, Governed
from headrace.rollout.canary import Bake, Canary, Judge, NoData, Progress, Step, Warmup
from headrace.rollout.decide import Action, Facts, Hold, Idle, Look, Promote, Raise, RollBack, Running, Start, StartBake, decide
from headrace.rollout.judgement import Evidence, Judgement, judge
from headrace.rollout.state import IllegalMove, State

__all__ = [
    "UNGOVERNED",
    "Action",
    "Bake",
    "Canary",
    "Evidence",
    "Facts",
    "Governed",
    "Hold",
    "Idle",
    "IllegalMove",
    "Judge",
    "Judgement",
    "Look",
    "NoData",
    "Progress",
    "Promote",
    "Raise",
    "RollBack",
    "Running",
    "Start",
    "StartBake",
    "State",
    "Step",
    "Warmup",
    "advance",
    "decide",
    "judge",
    "replace",
    "roll_back",
]
