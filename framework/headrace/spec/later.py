"""Words that the language keeps for what this version does not do yet: they are refused by name, never ignored."""

KINDS = frozenset({"ensemble", "batch", "group", "policy", "flag", "report"})
"""Kinds to come."""

KEYS: dict[str, frozenset[str]] = {
    "Model": frozenset({"experiment", "governance", "retirement", "secrets", "steps", "moved"}),
    "Training": frozenset({"tune"}),
    "Gate": frozenset({"each", "average"}),
    "Serving": frozenset({"replicas"}),
    "Rollout": frozenset({"bake"}),
    "Monitoring": frozenset({"false_alarms"}),
    "Window": frozenset({"every"}),
    "Retraining": frozenset({"while_deciding"}),
    "Source": frozenset({"checks"}),
    "FeatureView": frozenset({"available_after", "late", "window_edges"}),
    "Feature": frozenset({"sum", "count", "mean", "min", "max", "last", "over", "where", "since", "expires", "expression", "empty"}),
}
"""Keys to come, by the model of the language that will have them."""
