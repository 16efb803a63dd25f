"""`kind: source`: where rows come from, which columns they must have, when they arrived."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal, Self

from pydantic import ConfigDict, model_validator

from headrace.spec.field import Effect, Lacking, Spec, field
from headrace.spec.name import Column, Implementation, ModelRef, Name, RowCondition, SourceRef
from headrace.spec.quantity import Duration, Percentage

ENGINES: Mapping[str, Literal["sqlite", "duckdb", "postgresql"]] = {
    "sqlite": "sqlite",
    "duckdb": "duckdb",
    "postgresql": "postgresql",
    "postgres": "postgresql",
}
"""Databases that a `table` is read from, by the scheme of a `uri`."""


TEXTS = frozenset({"category", "text"})
"""Types whose values are held as text."""


class SourceColumn(Spec):
    """One column of a source, under the name that the project uses."""

    from_: str | None = field(
        "The column's name in the file; the project's own name where it is not given.",
        Effect.RETRAIN,
        default=None,
        alias="from",
        example="AGEP",
    )
    type: Literal["int64", "float", "category", "text", "timestamp"] = field(
        "What every value must be; a category is one of some texts, and a `text` is free: a transform makes numbers of it.",
        Effect.BREAKING,
        example="float",
    )
    personal: bool = field(
        "Whether its values tell of persons: no message and no check shows them.", Effect.METADATA, default=False, example=True
    )


class Arrival(Spec):
    """When each row arrived, for data that know only a period such as the year."""

    time: Column = field("The name of the time column that this makes.", Effect.RETRAIN, default="arrived_at", example="surveyed_at")
    spread: Column = field("The column that holds each row's year; rows are spread evenly over it.", Effect.RETRAIN, example="year")
    order: Literal["random", "file"] = field(
        "In which order the rows of a year arrive.", Effect.RETRAIN, default="random", example="random"
    )
    seed: int = field("Seed of the random order.", Effect.RETRAIN, default=0, example=7)


class Monotone(Spec):
    """That the values of a column never turn back."""

    along: Column = field("The column that puts the rows in order, such as a time.", Effect.METADATA, example="read_at")
    within: Column | None = field(
        "The column whose values each have an order of their own; all rows together where it is not given.",
        Effect.METADATA,
        default=None,
        example="meter_id",
    )
    direction: Literal["rising", "falling"] = field(
        "Which way values go; equal ones may follow each other.", Effect.METADATA, default="rising", example="rising"
    )


class Refers(Spec):
    """Where the values of a column must stand, too."""

    to: SourceRef = field("The other source; it may be the same.", Effect.METADATA, example="source/customers")
    column: Column = field("Its column.", Effect.METADATA, example="customer_id")


class Like(Spec):
    """How far a column's values may be spread in another way than those of a reference."""

    model_config = ConfigDict(
        json_schema_extra={"anyOf": [{"required": [word], "properties": {word: {"type": "string"}}} for word in ("source", "training")]}
    )

    source: SourceRef | None = field(
        "The reference, such as the rows of a year that was a good one.",
        Effect.METADATA,
        default=None,
        usual=True,
        example="source/last_year",
    )
    training: ModelRef | None = field(
        "In the place of `source`: the same column as it was read when this model's champion was trained. Until there is one whose training"
        " made this check, it passes, and says so.",
        Effect.METADATA,
        default=None,
        example="model/lapse",
    )
    column: Column | None = field("Its column; that of the same name where it is not given.", Effect.METADATA, default=None, example="age")
    measure: Literal["psi", "jensen_shannon", "ks"] = field(
        "`psi` and `jensen_shannon` compare shares of bins that the reference fixes, `ks` is the greatest distance of the distributions.",
        Effect.METADATA,
        default="psi",
        example="psi",
    )
    at_most: float = field("The greatest value that passes.", Effect.METADATA, example=0.2, gt=0)

    @model_validator(mode="after")
    def _stands(self) -> Self:
        if self.source is None and self.training is None:
            raise Lacking("source", "training", help="write for example `source: source/last_year`")
        return self


class Check(Spec):
    """One thing that must hold of the rows: exactly one of the words that say what, such as `range`, `unique` or `refers`."""

    id: Name = field("The check's name.", Effect.METADATA, example="ages")
    column: Column | None = field("The column; every word that is of one column needs it.", Effect.METADATA, default=None, example="age")
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
    reads_as: Literal["int64", "float", "timestamp"] | None = field(
        "What every value can be read as, where the column itself is text, or a number.", Effect.METADATA, default=None, example="int64"
    )
    fresh_within: Duration | None = field(
        "How old the newest value may be when it is checked; those that lie in the future do not count.",
        Effect.METADATA,
        default=None,
        example="36h",
    )
    ahead_at_most: Duration | None = field(
        "How far beyond the moment of checking a value may lie: clocks differ, and no event comes from tomorrow.",
        Effect.METADATA,
        default=None,
        example="5m",
    )
    monotone: Monotone | None = field(
        "That values never turn back.", Effect.METADATA, default=None, example={"along": "read_at", "within": "meter_id"}
    )
    refers: Refers | None = field(
        "Where every value must stand, too.", Effect.METADATA, default=None, example={"to": "source/customers", "column": "customer_id"}
    )
    like: Like | None = field(
        "How far the values may be spread in another way than those of a reference.",
        Effect.METADATA,
        default=None,
        example={"source": "source/last_year", "at_most": 0.2},
    )
    pandera: Implementation | None = field(
        "A pandera schema, `package.module:schema`, that the rows fit under the project's column names; pandera must be installed.",
        Effect.METADATA,
        default=None,
        example="mycompany.schemas:orders",
    )
    mode: Literal["block", "warn"] = field(
        "`block` ends a training before it begins; `warn` only records what was found.", Effect.METADATA, default="block", example="block"
    )


OF_A_COLUMN = ("range", "values", "pattern", "missing", "reads_as", "fresh_within", "ahead_at_most", "monotone", "refers", "like")
"""What a check may say of one column."""
OF_ROWS = ("unique", "rows", "holds", "pandera")
"""What a check may say of whole rows."""
SAYS = (*OF_A_COLUMN, *OF_ROWS)
"""What a check may say: one of them."""


class Source(Spec):
    """Rows that exist somewhere already, at a `uri` or as what a function of one's own gives."""

    model_config = ConfigDict(
        json_schema_extra={"anyOf": [{"required": [word], "properties": {word: {"type": "string"}}} for word in ("uri", "python")]}
    )

    kind: Literal["source"]
    name: Name = field("The source's name.", Effect.BREAKING, example="census")
    description: str = field("What the rows are.", Effect.METADATA, default="", example="US Census, Massachusetts, 2015")
    uri: str | None = field(
        "Where the rows are: a Parquet or CSV file, or several by a pattern (`data/tx/*.parquet`), as a path, `file://…`,"
        " `package://PACKAGE/PATH`, or any URL that fsspec reads (`s3://…`, `https://…`); or a database (`sqlite:///shop.db`,"
        " `duckdb:///shop.duckdb`, `postgresql://HOST/NAME`) with its `table`. `env:NAME` or `file:PATH` is read whenever the rows are.",
        Effect.RETRAIN,
        default=None,
        example="package://nannyml/datasets/data/employment_MA_reference.pq",
        reference="may",
        usual=True,
    )
    table: str | None = field(
        "The table or view of the database at `uri`, with its schema where it is not the usual one.",
        Effect.RETRAIN,
        default=None,
        example="public.orders",
        min_length=1,
    )
    python: Implementation | None = field(
        "In the place of `uri`: a function, `package.module:function`, that gives the rows as a pandas DataFrame or an Arrow table.",
        Effect.RETRAIN,
        default=None,
        example="mycompany.data:orders",
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

    @model_validator(mode="after")
    def _stands(self) -> Self:
        if self.uri is None and self.python is None:
            raise Lacking("uri", "python", help="write for example `uri: data/orders.parquet`")
        return self
