"""What generated flows call: one module a word of the spec, and the values that pass between tasks.

This is the interface of compiled code. A new argument with a default is compatible; anything else is a new step.
"""

from headrace.batch import Scored
from headrace.features import Category, Number, RandomSplit, Rows, Target, Text, TimeSplit
from headrace.gates import ByPlugin, Maximum, Minimum, NoWorse, Slice, Verdict, Waiver
from headrace.monitoring import Alert, Alerts, Drift, Performance, Windows
from headrace.retraining import Decision, OnAlert, OnSchedule
from headrace.rollout import Canary, Judge, NoData, Progress, Step, Warmup
from headrace.steps import batch, custom, features, gates, monitoring, retraining, rollout, runner, training
from headrace.steps.features import Days
from headrace.steps.training import Searching
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
    "Decision",
    "Drift",
    "EarlyStopping",
    "FloatRange",
    "GroupFolds",
    "IntRange",
    "Judge",
    "Maximize",
    "Maximum",
    "Minimize",
    "Minimum",
    "NoData",
    "NoWorse",
    "Number",
    "OnAlert",
    "OnSchedule",
    "Performance",
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
    "batch",
    "custom",
    "features",
    "gates",
    "monitoring",
    "retraining",
    "rollout",
    "runner",
    "training",
]
