"""The rules over a whole project, in the order in which they speak."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from headrace.diagnostics import Diagnostic
from headrace.project.rules import (
    alerts,
    backtests,
    columns,
    features,
    gates,
    idle_keys,
    leakage,
    moved,
    names,
    plugins,
    references,
    retraining,
    rollout,
    serving,
    whole,
)
from headrace.project.scope import Scope

Rule = Callable[[Scope], Iterator[Diagnostic]]
"""Reads the scope and says what is wrong; it passes over what does not exist or is broken, since that was said already."""

RULES: tuple[Rule, ...] = (
    whole.check,
    moved.check,
    names.check,
    references.check,
    plugins.check,
    columns.check,
    features.check,
    leakage.check,
    gates.check,
    serving.check,
    rollout.check,
    alerts.check,
    retraining.check,
    backtests.check,
    idle_keys.check,
)
"""All rules."""
