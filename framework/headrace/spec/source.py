"""`kind: source`: where rows come from, which columns they must have, when they arrived."""

from __future__ import annotations

from typing import Literal

from headrace.spec.field import Effect, Spec, field
from headrace.spec.name import Column, Name, RowCondition
from headrace.spec.quantity import Duration, Percentage


class SourceColumn(Spec):
    """One column of a source, under the name that the project uses."""

    from_: str | None = field(
        "The column's name in the file; the project's own name where it is not given.",
        Effect.RETRAIN,
        default=None,
        alias="from",
        example="AGEP",
    )
    type: Literal["int64", "float", "category", "timestamp"] = field(
        "What every value must be; a category is held as text.", Effect.BREAKING, example="float"
    )


class Arrival(Spec):
    """When each row arrived, for data that know only a period such as the year."""

    time: Column = field("The name of the time column that this makes.", Effect.RETRAIN, default="arrived_at", example="surveyed_at")
    spread: Column = field("The column that holds each row's year; rows are spread evenly over it.", Effect.RETRAIN, example="year")
    order: Literal["random", "file"] = field(
        "In which order the rows of a year arrive.", Effect.RETRAIN, default="random", example="random"
    )
    seed: int = field("Seed of the random order.", Effect.RETRAIN, default=0, example=7)


class Check(Spec):
    """One thing that must hold of the rows: exactly one of `range`, `values`, `pattern`, `missing`, `unique`, `rows`, `holds`."""

    id: Name = field("The check's name.", Effect.METADATA, example="ages")
    column: Column | None = field(
        "The column; `range`, `values`, `pattern` and `missing` need it.", Effect.METADATA, default=None, example="age"
    )
    range: tuple[float, float] | None = field("The least and the greatest value.", Effect.METADATA, default=None, example=[0, 120])
    values: tuple[str, ...] | None = field("All values that there may be.", Effect.METADATA, default=None, example=["1", "2"], min_length=1)
    pattern: str | None = field(
        "A regular expression that every value is, from its beginning to its end; without look-around and back-references.",
        Effect.METADATA,
        default=None,
        example="[A-Z]{2}[0-9]+",
    )
    missing: Percentage | None = field(
        "The greatest share of rows without a value.", Effect.METADATA, default=None, example="1%", ge=0, le=1
    )
    unique: tuple[Column, ...] | None = field(
        "Columns whose values together no two rows share.", Effect.METADATA, default=None, example=["person_id"], min_length=1
    )
    rows: tuple[int, int] | None = field(
        "The least and the greatest number of rows.", Effect.METADATA, default=None, example=[1000, 1000000]
    )
    holds: RowCondition | None = field(
        "A condition that no row breaks; one that cannot be told, since a value is missing, does not break it.",
        Effect.METADATA,
        default=None,
        example="amount > 0 or department == 'RETURNS'",
    )
    mode: Literal["block", "warn"] = field(
        "`block` ends a training before it begins; `warn` only records what was found.", Effect.METADATA, default="block", example="block"
    )


SAYS = ("range", "values", "pattern", "missing", "unique", "rows", "holds")
"""What a check may say: one of them."""


class Source(Spec):
    """Rows that exist somewhere already."""

    kind: Literal["source"]
    name: Name = field("The source's name.", Effect.BREAKING, example="census")
    description: str = field("What the rows are.", Effect.METADATA, default="", example="US Census, Massachusetts, 2015")
    uri: str = field(
        "A Parquet or CSV file: a path, a `file://` URL, or `package://PACKAGE/PATH` for one inside an installed package; `env:NAME` or"
        " `file:PATH` for one whose place is read whenever the rows are.",
        Effect.RETRAIN,
        example="package://nannyml/datasets/data/employment_MA_reference.pq",
        reference="may",
    )
    columns: dict[Column, SourceColumn] = field(
        "The columns that are read, each with its type; a missing one or another type is an error.",
        Effect.RETRAIN,
        min_length=1,
        example={"age": {"from": "AGEP", "type": "float"}},
    )
    arrival: Arrival | None = field(
        "How rows without a timestamp get one.", Effect.RETRAIN, default=None, example={"time": "surveyed_at", "spread": "year"}
    )
    available_at: Column | None = field(
        "The timestamp from which on a row could be read, such as when it was loaded; features see it no earlier.",
        Effect.RETRAIN,
        default=None,
        example="loaded_at",
    )
    checks: tuple[Check, ...] = field(
        "What must hold of the rows before anything is trained on them.",
        Effect.METADATA,
        default=(),
        example=[{"id": "ages", "column": "age", "range": [0, 120]}, {"id": "ids", "unique": ["person_id"]}],
    )
    fresh_within: Duration | None = field(
        "How old the newest row may be when training reads it; any age where it is not given.",
        Effect.METADATA,
        default=None,
        example="400d",
    )
