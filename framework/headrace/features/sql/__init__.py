"""Feature views as SQL: what was known of an entity at a moment, in one query that every engine can run."""

from headrace.features.sql.dialect import DIALECTS, DUCKDB, PORTABLE, Dialect
from headrace.features.sql.join import by_join
from headrace.features.sql.relation import ENTITY, EVENTS, LINE, MOMENT, SEEN, SPINE, TIME, columns, identity
from headrace.features.sql.values import Plan, closure, values
from headrace.features.sql.window import by_window, running

__all__ = [
    "DIALECTS",
    "DUCKDB",
    "ENTITY",
    "EVENTS",
    "LINE",
    "MOMENT",
    "PORTABLE",
    "SEEN",
    "SPINE",
    "TIME",
    "Dialect",
    "Plan",
    "by_join",
    "by_window",
    "closure",
    "columns",
    "identity",
    "running",
    "values",
]
