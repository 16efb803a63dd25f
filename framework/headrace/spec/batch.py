"""`kind: batch`: rows scored on a schedule."""

from __future__ import annotations

from typing import Literal

from headrace.spec.field import Effect, Spec, field
from headrace.spec.name import Column, CronLine, MemberRef, Name, SourceRef
from headrace.spec.quantity import Percentage

PLACEHOLDERS = ("date", "run", "version")
"""What a path of outputs may have in braces."""


ENDINGS = (".parquet", ".pq", ".csv")
"""The formats in which answers are written."""


_OF_ANSWERS = ("prediction", "row", "reason")


def taken(key: str, *, ranked: bool = False) -> bool:
    """Whether a column of the answers, or of the bad rows, has a name, so that no key has it, nor a group where rows are `ranked`."""
    return key in _OF_ANSWERS or (ranked and key == "rank") or key.startswith(("probability.", "quantile."))


class Output(Spec):
    """Where predictions go."""

    path: str = field(
        "A file; `{date}`, `{run}` and `{version}` are filled in. Or, with a `table`, a database as a source's `uri` has it"
        " (`sqlite:///shop.db`, `duckdb:///shop.duckdb`, `postgresql://HOST/NAME`, `env:NAME`).",
        Effect.RECONFIGURE,
        example="out/{date}.parquet",
        min_length=1,
        reference="may",
    )
    table: str | None = field(
        "The table of the database at `path`, with its schema where it is not the usual one; made where there is none. A row takes the"
        " place of the one with its key, and all rows of a batch are seen at once.",
        Effect.RECONFIGURE,
        default=None,
        example="public.scores",
        min_length=1,
    )
    key: Column = field("The column that identifies a row.", Effect.RECONFIGURE, example="household_id")
    overwrite: bool = field(
        "Whether a file that stands there is replaced (a run ends with an error, otherwise), or all rows of a table.",
        Effect.RECONFIGURE,
        default=False,
        example=True,
    )


class Batch(Spec):
    """One run over all rows of a source: exactly once a row, also where a run was killed."""

    kind: Literal["batch"] = field("A batch.", Effect.METADATA, example="batch")
    name: Name = field("The batch's name.", Effect.RECONFIGURE, example="nightly")
    description: str = field("What it is for.", Effect.METADATA, default="", example="scores for the letters")
    model: MemberRef = field(
        "Its champion in this environment when the run starts; the digest is recorded.", Effect.RECONFIGURE, example="segment"
    )
    input: SourceRef = field("The rows.", Effect.RECONFIGURE, example="source/households")
    output: Output = field("Where predictions go.", Effect.RECONFIGURE, example={"path": "out/{date}.parquet", "key": "household_id"})
    duplicates: Literal["refuse", "first"] = field(
        "What becomes of a key that stands twice: nothing is scored, or its first row counts and the others are dropped, which is"
        " no fault of theirs: each is written beside the output with its reason, and none counts as bad.",
        Effect.RECONFIGURE,
        default="refuse",
        example="first",
    )
    max_bad: Percentage = field(
        "The greatest share of rows that may be bad, each of them written beside the output with its reason; with more there is no output.",
        Effect.RECONFIGURE,
        default="1%",
        example="1%",
        validate_default=True,
        ge=0,
        le=1,
    )
    chunk: int = field(
        "How many rows are held at a time; what is done of a run that was killed is kept in steps of so many.",
        Effect.RECONFIGURE,
        default=100_000,
        example=100_000,
        ge=1,
        le=10_000_000,
    )
    workers: int = field(
        "How many processes score, on the machine of the run; where the environment has a `runner`, its `workers` do, as many as it says.",
        Effect.RECONFIGURE,
        default=1,
        example=4,
        ge=1,
        le=256,
    )
    schedule: CronLine | None = field(
        "A cron line, in UTC; only when asked for, without.", Effect.RECONFIGURE, default=None, example="0 2 * * *"
    )
