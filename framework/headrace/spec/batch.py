"""`kind: batch`: rows scored on a schedule."""

from __future__ import annotations

from typing import Literal

from headrace.spec.field import Effect, Spec, field
from headrace.spec.name import Column, CronLine, MemberRef, Name, SourceRef

PLACEHOLDERS = ("date", "run", "version")
"""What a path of outputs may have in braces."""


class Output(Spec):
    """Where predictions go."""

    path: str = field(
        "A file; `{date}`, `{run}` and `{version}` are filled in.", Effect.RECONFIGURE, example="out/{date}.parquet", min_length=1
    )
    key: Column = field("The column that identifies a row.", Effect.RECONFIGURE, example="household_id")


class Batch(Spec):
    """One run over all rows of a source: exactly once a row, also where a run was killed."""

    kind: Literal["batch"] = field("A batch.", Effect.METADATA, example="batch", later=True)
    name: Name = field("The batch's name.", Effect.RECONFIGURE, example="nightly")
    description: str = field("What it is for.", Effect.METADATA, default="", example="scores for the letters")
    model: MemberRef = field(
        "Its champion in this environment when the run starts; the digest is recorded.", Effect.RECONFIGURE, example="segment"
    )
    input: SourceRef = field("The rows.", Effect.RECONFIGURE, example="source/households")
    output: Output = field("Where predictions go.", Effect.RECONFIGURE, example={"path": "out/{date}.parquet", "key": "household_id"})
    schedule: CronLine | None = field(
        "A cron line, in UTC; only when asked for, without.", Effect.RECONFIGURE, default=None, example="0 2 * * *"
    )
