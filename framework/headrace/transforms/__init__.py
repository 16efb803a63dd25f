"""What is done to a model's inputs before its algorithm sees them: learned from training rows, kept in the model's file, done to each request."""

from headrace.transforms.chain import Chain, Link, Step, learned
from headrace.transforms.packed import pack, unpack
from headrace.transforms.predictor import Prepared, prepared

__all__ = ["Chain", "Link", "Prepared", "Step", "learned", "pack", "prepared", "unpack"]
