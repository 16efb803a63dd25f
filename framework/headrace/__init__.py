"""Headrace: YAML compiled into the running life of a machine-learning model."""

__all__ = ["__version__"]

__version__ = "0.1.0"
