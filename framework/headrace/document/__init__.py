"""YAML text to positioned nodes, and back."""

from headrace.document.node import FROM_SHELL, REPLACED, UNREADABLE, Entry, Mapping, Node, Scalar, Sequence, inside
from headrace.document.parse import parse
from headrace.document.write import write, write_flow

__all__ = [
    "FROM_SHELL",
    "REPLACED",
    "UNREADABLE",
    "Entry",
    "Mapping",
    "Node",
    "Scalar",
    "Sequence",
    "inside",
    "parse",
    "write",
    "write_flow",
]
