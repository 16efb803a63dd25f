"""Whether a candidate is worth more than the champion: who takes part, what was seen of each arm, what follows from it."""

from headrace.experiment.analysis import Analysis, Comparison, Finding, Role, Verdict

__all__ = ["Analysis", "Comparison", "Finding", "Role", "Verdict"]
