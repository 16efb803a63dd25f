"""What is done to a model's inputs before its algorithm sees them: learned in training, kept with the model, done to each request."""

from headrace.transforms.chain import Chain, Link, Transformation, learned
from headrace.transforms.packed import pack, unpack
from headrace.transforms.predictor import Prepared, prepared, read, seen

__all__ = ["Chain", "Link", "Prepared", "Transformation", "learned", "pack", "prepared", "read", "seen", "unpack"]
