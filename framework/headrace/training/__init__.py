"""How training rows become a candidate: fitted, evaluated on the held-out rows, and registered with all that it was made of."""

from headrace.training.inspect import inspect
from headrace.training.train import train
from headrace.training.values import Baseline, Candidate, Material

__all__ = ["Baseline", "Candidate", "Material", "inspect", "train"]
