"""Switches that are read at each request: which variant somebody gets, and which flags are in force."""

from headrace.flags.evaluate import Code, Evaluated, Reason, Unanswered, evaluate
from headrace.flags.force import InForce, Unreadable, put, read, remove

__all__ = ["Code", "Evaluated", "InForce", "Reason", "Unanswered", "Unreadable", "evaluate", "put", "read", "remove"]
