"""The rules over a whole project, in the order in which they speak."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from headrace.diagnostics import Diagnostic
from headrace.project import unsupported
from headrace.project.rules import (
    alerts,
    backtests,
    batches,
    cards,
    columns,
    composed,
    cycles,
    ensembles,
    experiment,
    features,
    flags,
    gate_tests,
    gates,
    governance,
    idle_keys,
    journal,
    leakage,
    measures,
    middleware,
    moved,
    names,
    of_plugins,
    places,
    plugins,
    ranking,
    references,
    retirement,
    retraining,
    rollout,
    runner,
    schedules,
    serving,
    sources,
    steps,
    tasks,
    training,
    transforms,
    tuning,
    views,
    whole,
)
from headrace.project.scope import Scope

Rule = Callable[[Scope], Iterator[Diagnostic]]
"""Reads the scope and says what is wrong; it passes over what does not exist, since that was said already.

It is made of questions (`scope.question`), each of which ends where it comes upon what could not be read.
"""

RULES: tuple[Rule, ...] = (
    whole.check,
    moved.check,
    names.check,
    references.check,
    plugins.check,
    composed.check,
    columns.check,
    places.check,
    sources.check,
    views.check,
    cycles.check,
    features.check,
    leakage.check,
    training.check,
    tuning.check,
    transforms.check,
    steps.check,
    middleware.check,
    gates.check,
    gate_tests.check,
    serving.check,
    journal.check,
    rollout.check,
    runner.check,
    experiment.check,
    measures.check,
    tasks.check,
    ranking.check,
    alerts.check,
    retraining.check,
    schedules.check,
    governance.check,
    cards.check,
    retirement.check,
    ensembles.check,
    batches.check,
    flags.check,
    backtests.check,
    idle_keys.check,
    unsupported.check,
    of_plugins.check,
)
"""All rules."""
