"""What a notebook asks of a project: features as of a moment; runs, tracked, found as a table, and logged by the libraries that fit."""

from headrace.notebook.autolog import autolog
from headrace.notebook.historical import historical_features
from headrace.notebook.run import Run, run
from headrace.notebook.table import runs

__all__ = ["Run", "autolog", "historical_features", "run", "runs"]
