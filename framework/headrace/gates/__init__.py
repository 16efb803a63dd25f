"""Whether a candidate may go on: each gate a pure decision over facts, and what carries the verdict out."""

from headrace.gates.decide import decide
from headrace.gates.facts import Absent, Facts
from headrace.gates.judge import judge
from headrace.gates.recorded import verdicts
from headrace.gates.values import ByPlugin, Gate, Judged, Maximum, Minimum, NoWorse, Slice, Verdict, Waiver
from headrace.gates.waivers import stands

__all__ = [
    "Absent",
    "ByPlugin",
    "Facts",
    "Gate",
    "Judged",
    "Maximum",
    "Minimum",
    "NoWorse",
    "Slice",
    "Verdict",
    "Waiver",
    "decide",
    "judge",
    "stands",
    "verdicts",
]
