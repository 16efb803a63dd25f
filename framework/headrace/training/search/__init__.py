"""How better parameters are searched: trials in processes of their own, judged on folds of the training side, all of them kept."""

from headrace.training.search.asked import Asked, asked
from headrace.training.search.choose import choose, front
from headrace.training.search.run import chosen, drive, search
from headrace.training.search.values import Choice, FloatRange, IntRange, Maximize, Minimize, Pruner, Sampler, Search

__all__ = [
    "Asked",
    "Choice",
    "FloatRange",
    "IntRange",
    "Maximize",
    "Minimize",
    "Pruner",
    "Sampler",
    "Search",
    "asked",
    "choose",
    "chosen",
    "drive",
    "front",
    "search",
]
