"""Headrace: YAML compiled into the running life of a machine-learning model.

For notebooks: `run` tracks a run, `runs` finds them as a table, `autolog` tracks the fits of scikit-learn and LightGBM;
`historical_features` are those of a view as of given moments.
"""

from importlib import import_module

__all__ = ["__version__", "autolog", "historical_features", "run", "runs"]

__version__ = "0.1.0"
_OF_NOTEBOOKS = frozenset({"autolog", "historical_features", "run", "runs"})


def __getattr__(name: str) -> object:
    """What notebooks use is loaded when it is asked for: it needs the store, and the command line starts without."""
    if name in _OF_NOTEBOOKS:
        found: object = getattr(import_module("headrace.notebook"), name)
        return found
    raise AttributeError(f"module `headrace` has no attribute `{name}`")
