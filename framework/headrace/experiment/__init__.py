"""Whether a candidate is worth more than the champion: who takes part, what was seen of each arm, what follows from it."""

from headrace.experiment.analysis import Analysis, Comparison, Finding, Role, Verdict
from headrace.experiment.declared import Decide, Declared, Guardrail, Measure, Primary, declared, parsed

__all__ = [
    "Analysis",
    "Comparison",
    "Decide",
    "Declared",
    "Finding",
    "Guardrail",
    "Measure",
    "Primary",
    "Role",
    "Verdict",
    "declared",
    "parsed",
]
