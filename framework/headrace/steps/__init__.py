"""What generated flows call: one module a word of the spec, and the values that pass between tasks.

This is the interface of compiled code. A new argument with a default is compatible; anything else is a new step. A process runs one flow of
a file, so each word is imported when it is asked for.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from headrace.steps.collector import importing

if TYPE_CHECKING:
    from headrace.batch import Scored
    from headrace.experiment import Decide, Difference, Experiment, Guardrail, Measure, Primary
    from headrace.features import Category, Number, RandomSplit, Rows, Target, Text, TimeSplit
    from headrace.gates import ByPlugin, Maximum, Minimum, NoWorse, Slice, Verdict, Waiver
    from headrace.monitoring import Alert, Alerts, Drift, Performance, Windows
    from headrace.retraining import Decision, OnAlert, OnSchedule
    from headrace.rollout import Canary, Judge, NoData, Progress, Step, Warmup
    from headrace.steps import batch, custom, experiment, features, gates, monitoring, retraining, rollout, runner, training
    from headrace.steps.features import Days
    from headrace.steps.training import Searching
    from headrace.steps.tries import again
    from headrace.training import Baseline, Calibrate, Candidate, EarlyStopping, GroupFolds, StratifiedFolds, TimeFolds, Tuned
    from headrace.training.search import Choice, FloatRange, IntRange, Maximize, Minimize, Pruner, Sampler, Search
    from headrace.transforms import Transformation

__all__ = [
    "Alert",
    "Alerts",
    "Baseline",
    "ByPlugin",
    "Calibrate",
    "Canary",
    "Candidate",
    "Category",
    "Choice",
    "Days",
    "Decide",
    "Decision",
    "Difference",
    "Drift",
    "EarlyStopping",
    "Experiment",
    "FloatRange",
    "GroupFolds",
    "Guardrail",
    "IntRange",
    "Judge",
    "Maximize",
    "Maximum",
    "Measure",
    "Minimize",
    "Minimum",
    "NoData",
    "NoWorse",
    "Number",
    "OnAlert",
    "OnSchedule",
    "Performance",
    "Primary",
    "Progress",
    "Pruner",
    "RandomSplit",
    "Rows",
    "Sampler",
    "Scored",
    "Search",
    "Searching",
    "Slice",
    "Step",
    "StratifiedFolds",
    "Target",
    "Text",
    "TimeFolds",
    "TimeSplit",
    "Transformation",
    "Tuned",
    "Verdict",
    "Waiver",
    "Warmup",
    "Windows",
    "again",
    "batch",
    "custom",
    "experiment",
    "features",
    "gates",
    "monitoring",
    "retraining",
    "rollout",
    "runner",
    "training",
]

_HOME = {
    "Alert": "headrace.monitoring",
    "Alerts": "headrace.monitoring",
    "Baseline": "headrace.training",
    "ByPlugin": "headrace.gates",
    "Calibrate": "headrace.training",
    "Canary": "headrace.rollout",
    "Candidate": "headrace.training",
    "Category": "headrace.features",
    "Choice": "headrace.training.search",
    "Days": "headrace.steps.features",
    "Decide": "headrace.experiment",
    "Decision": "headrace.retraining",
    "Difference": "headrace.experiment",
    "Drift": "headrace.monitoring",
    "EarlyStopping": "headrace.training",
    "Experiment": "headrace.experiment",
    "FloatRange": "headrace.training.search",
    "GroupFolds": "headrace.training",
    "Guardrail": "headrace.experiment",
    "IntRange": "headrace.training.search",
    "Judge": "headrace.rollout",
    "Maximize": "headrace.training.search",
    "Maximum": "headrace.gates",
    "Measure": "headrace.experiment",
    "Minimize": "headrace.training.search",
    "Minimum": "headrace.gates",
    "NoData": "headrace.rollout",
    "NoWorse": "headrace.gates",
    "Number": "headrace.features",
    "OnAlert": "headrace.retraining",
    "OnSchedule": "headrace.retraining",
    "Performance": "headrace.monitoring",
    "Primary": "headrace.experiment",
    "Progress": "headrace.rollout",
    "Pruner": "headrace.training.search",
    "RandomSplit": "headrace.features",
    "Rows": "headrace.features",
    "Sampler": "headrace.training.search",
    "Scored": "headrace.batch",
    "Search": "headrace.training.search",
    "Searching": "headrace.steps.training",
    "Slice": "headrace.gates",
    "Step": "headrace.rollout",
    "StratifiedFolds": "headrace.training",
    "Target": "headrace.features",
    "Text": "headrace.features",
    "TimeFolds": "headrace.training",
    "TimeSplit": "headrace.features",
    "Transformation": "headrace.transforms",
    "Tuned": "headrace.training",
    "Verdict": "headrace.gates",
    "Waiver": "headrace.gates",
    "Warmup": "headrace.rollout",
    "Windows": "headrace.monitoring",
    "again": "headrace.steps.tries",
}
_WORDS = frozenset({"batch", "custom", "experiment", "features", "gates", "monitoring", "retraining", "rollout", "runner", "training"})


def __getattr__(name: str) -> Any:  # noqa: ANN401 - whatever the module has
    """Import what is asked for when it is asked for."""
    if name not in _WORDS and name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    with importing():
        return import_module(f"{__name__}.{name}") if name in _WORDS else getattr(import_module(_HOME[name]), name)
