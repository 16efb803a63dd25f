"""A view's query as people read it, in the words of one engine."""

from __future__ import annotations

from headrace.compiled import SourceConfig, ViewConfig
from headrace.features.engine import column_types
from headrace.features.sql import DIALECTS, ENTITY, LINE, MOMENT, values
from headrace.features.sql.word import name

ASKED = "asked"
"""The table of entities and moments that a shown query reads: line, entity, moment (microseconds since 1970, UTC)."""


def query(view: ViewConfig, source: SourceConfig, language: str) -> str:
    """The whole query of a view over the tables `asked` and the source's, whose columns have the project's names; formatted."""
    import sqlglot

    types = column_types(source)
    dialect = DIALECTS[language]
    spine = (
        f"SELECT {name('line')} AS {name(LINE)}, {name('entity')} AS {name(ENTITY)}, {name('moment')} AS {name(MOMENT)} FROM {name(ASKED)}"
    )
    text = values(view, list(view.features), spine=spine, source=name(view.source), types=types, dialect=dialect)
    return sqlglot.transpile(text, read="duckdb", write=language, pretty=True, unsupported_level=sqlglot.ErrorLevel.RAISE)[0] + ";"
