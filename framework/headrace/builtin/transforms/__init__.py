"""Transforms of inputs: one file a transform, exposing `TRANSFORM`."""
