"""Where rows come from: files, several files, URLs, tables of databases, functions; and how they are read."""

from headrace.features.source.place import Files, Function, Place, Remote, Table, place
from headrace.features.source.read import lacking, locate, names, nearby, read_source, typed

__all__ = ["Files", "Function", "Place", "Remote", "Table", "lacking", "locate", "names", "nearby", "place", "read_source", "typed"]
