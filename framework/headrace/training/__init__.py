"""How training rows become a candidate: fitted, evaluated on the held-out rows, and registered with all that it was made of."""

from headrace.training.apart import Calibrate, EarlyStopping
from headrace.training.folds import Folds, GroupFolds, StratifiedFolds, TimeFolds
from headrace.training.inspect import inspect
from headrace.training.train import train
from headrace.training.values import Baseline, Candidate, Material, Tuned

__all__ = [
    "Baseline",
    "Calibrate",
    "Candidate",
    "EarlyStopping",
    "Folds",
    "GroupFolds",
    "Material",
    "StratifiedFolds",
    "TimeFolds",
    "Tuned",
    "inspect",
    "train",
]
