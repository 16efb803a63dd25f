"""What belongs to a model beside its algorithm: what is done to its inputs, learned in training, and to its answers."""

from headrace.transforms.calibration import Calibrated, Calibration, logit
from headrace.transforms.chain import Chain, Link, Transformation, learned
from headrace.transforms.packed import Packed, format_of, pack, unpack
from headrace.transforms.predictor import Transformed, read, seen, transformed

__all__ = [
    "Calibrated",
    "Calibration",
    "Chain",
    "Link",
    "Packed",
    "Transformation",
    "Transformed",
    "format_of",
    "learned",
    "logit",
    "pack",
    "read",
    "seen",
    "transformed",
    "unpack",
]
