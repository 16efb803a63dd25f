from headrace.notebook import autolog as autolog
from headrace.notebook import historical_features as historical_features
from headrace.notebook import run as run
from headrace.notebook import runs as runs

__all__ = ["__version__", "autolog", "historical_features", "run", "runs"]

__version__: str
