"""What a view is to its online store: which columns an event keeps, and the digest by which one definition is told from another."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from headrace.compiled import SourceConfig, ViewConfig
from headrace.digest import digest
from headrace.features.sql.relation import columns

SCHEMA = 1
"""The version of the tables that events lie in; another one is another store."""

Kind = Literal["integer", "real", "text"]
"""How a value is kept: whole numbers (moments too, in microseconds), floats, texts."""

_KINDS: Mapping[str, Kind] = {"int64": "integer", "timestamp": "integer", "float": "real", "category": "text", "text": "text"}


@dataclass(frozen=True)
class Definition:
    """One view as events are kept for it; `types` are those of its source's columns by the spec's words."""

    name: str
    view: ViewConfig
    types: Mapping[str, str]
    digest: str

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns that an event keeps, in their order."""
        return tuple(columns(self.view))

    @property
    def kinds(self) -> tuple[Kind, ...]:
        """How each column is kept."""
        return tuple(_KINDS[self.types[column]] for column in self.columns)

    @property
    def entity_kind(self) -> Kind:
        """How an entity is kept: as a whole number where its column is one, or as text."""
        return "integer" if self.types.get(self.view.entity) == "int64" else "text"


def define(name: str, view: ViewConfig, source: SourceConfig) -> Definition:
    """A view and the source that its events come from; what only judges values, such as checks, makes no other definition of it."""
    import rfc8785

    types: dict[str, str] = {column: item.type for column, item in source.columns.items()}
    if source.arrival is not None:
        types[source.arrival.time] = "timestamp"
    return Definition(name, view, types, digest(rfc8785.dumps({"schema": SCHEMA, **view.definition(source)})))
