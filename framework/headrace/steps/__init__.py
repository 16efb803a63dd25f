"""What generated flows call: one module a word of the spec, and the values that pass between tasks.

This is the interface of compiled code. A new argument with a default is compatible; anything else is a new step.
"""

from headrace.features import Category, Number, RandomSplit, Rows, Target, TimeSplit
from headrace.gates import ByPlugin, Maximum, Minimum, NoWorse, Verdict
from headrace.monitoring import Alert, Alerts, Drift, Performance, Windows
from headrace.retraining import Decision, OnAlert, OnSchedule
from headrace.rollout import Canary, Judge, NoData, Progress, Step, Warmup
from headrace.steps import custom, features, gates, monitoring, retraining, rollout, training
from headrace.training import Baseline, Candidate
from headrace.transforms import Transformation

__all__ = [
    "Alert",
    "Alerts",
    "Baseline",
    "ByPlugin",
    "Canary",
    "Candidate",
    "Category",
    "Decision",
    "Drift",
    "Judge",
    "Maximum",
    "Minimum",
    "NoData",
    "NoWorse",
    "Number",
    "OnAlert",
    "OnSchedule",
    "Performance",
    "Progress",
    "RandomSplit",
    "Rows",
    "Step",
    "Target",
    "TimeSplit",
    "Transformation",
    "Verdict",
    "Warmup",
    "Windows",
    "custom",
    "features",
    "gates",
    "monitoring",
    "retraining",
    "rollout",
    "training",
]
