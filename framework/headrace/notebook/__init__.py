"""Runs from a notebook: tracked, found as a table, and logged by the libraries that fit."""

from headrace.notebook.autolog import autolog
from headrace.notebook.run import Run, run
from headrace.notebook.table import runs

__all__ = ["Run", "autolog", "run", "runs"]
