"""Whether a candidate is worth more than the champion: who takes part, what was seen of each arm, what follows from it."""

from headrace.experiment.advance import advance, stop
from headrace.experiment.analysis import Analysis, Comparison, Finding, Role, Verdict
from headrace.experiment.declared import Decide, Declared, Guardrail, Measure, Primary, declared, parsed
from headrace.experiment.look import looking
from headrace.spec.quantity import Difference

Experiment = Declared
"""As flows call it."""

__all__ = [
    "Analysis",
    "Comparison",
    "Decide",
    "Declared",
    "Difference",
    "Experiment",
    "Finding",
    "Guardrail",
    "Measure",
    "Primary",
    "Role",
    "Verdict",
    "advance",
    "declared",
    "looking",
    "parsed",
    "stop",
]
