"""How better parameters are searched: trials in processes of their own, judged on folds of the training side, all of them kept."""

from headrace.training.search.choose import choose, front
from headrace.training.search.run import search
from headrace.training.search.values import Choice, FloatRange, IntRange, Maximize, Minimize, Pruner, Sampler, Search

__all__ = ["Choice", "FloatRange", "IntRange", "Maximize", "Minimize", "Pruner", "Sampler", "Search", "choose", "front", "search"]
