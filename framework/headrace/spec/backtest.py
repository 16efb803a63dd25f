"""`kind: backtest`: history served again, with declared incidents and expectations."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Annotated, Literal

from pydantic import BeforeValidator, WithJsonSchema

from headrace.spec.field import Effect, Spec, field
from headrace.spec.name import Column, ModelRef, Name, SourceRef


def _day(value: object) -> object:
    if isinstance(value, int) and not isinstance(value, bool):
        if not date.min.year <= value <= date.max.year:
            raise ValueError(f"{value} is no year: write one from {date.min.year} to {date.max.year}")
        return date(value, 1, 1)
    if isinstance(value, str):
        try:
            return date.fromisoformat(value)
        except ValueError:
            raise ValueError(f"`{value}` is no date: write `2017-03-01`, or a year") from None
    return value


_DATE = r"^[0-9]{4}-?((0[1-9]|1[0-2])-?(0[1-9]|[12][0-9]|3[01])|W[0-9]{2}(-?[1-7])?)$"
Day = Annotated[
    date,
    BeforeValidator(_day),
    WithJsonSchema({"anyOf": [{"type": "string", "pattern": _DATE}, {"type": "integer", "minimum": 1, "maximum": 9999}]}),
]
"""A date, or a year for its first day; midnight UTC."""


def midnight(day: date) -> datetime:
    """The moment at which a day begins, in UTC."""
    return datetime(day.year, day.month, day.day, tzinfo=UTC)


class Replay(Spec):
    """Which rows are served again, and when they arrive."""

    source: SourceRef = field("The rows without their answers.", Effect.METADATA, example="source/census_later")
    labels: SourceRef = field("The answers, by entity.", Effect.METADATA, example="source/census_labels")
    from_: Day = field("The first day.", Effect.METADATA, alias="from", example=2016)
    to: Day = field("The day after the last.", Effect.METADATA, example=2019)
    spread: Column = field("The column with each row's year; rows are spread evenly over it.", Effect.METADATA, example="year")
    order: Literal["random", "file"] = field(
        "In which order the rows of a year arrive.", Effect.METADATA, default="random", example="random"
    )
    seed: int = field("Seed of the order and of the sample.", Effect.METADATA, default=0, example=7)
    rows: int | Literal["all"] = field("How many rows, sampled by the seed; or `all`.", Effect.METADATA, default="all", example=30000)


class Disturbance(Spec):
    """One named incident: values of some columns rewritten from a day on."""

    id: Name = field("The incident's name.", Effect.METADATA, example="recode")
    from_: Day = field("Its first day.", Effect.METADATA, alias="from", example="2017-03-01")
    to: Day | None = field("The day after its last; without it, it stays.", Effect.METADATA, default=None, example="2017-06-01")
    columns: tuple[Column, ...] = field("The columns it rewrites.", Effect.METADATA, min_length=1, example=["disability"])
    map: dict[str, str] = field(
        "Old value to new; a value that the column never has is an error.", Effect.METADATA, min_length=1, example={"1": "2", "2": "1"}
    )


class Expectation(Spec):
    """What must have happened; the replay is refused otherwise."""

    retrainings: tuple[int, int] | None = field("The least and the most retrainings.", Effect.METADATA, default=None, example=[1, 6])
    promotions: tuple[int, int] | None = field("The least and the most promotions.", Effect.METADATA, default=None, example=[1, 6])
    champion_min: float | None = field(
        "The least value of the performance metric in the last labelled window.", Effect.METADATA, default=None, example=0.85
    )


class Backtest(Spec):
    """History served again through the running system, under a driven clock."""

    kind: Literal["backtest"]
    name: Name = field("The backtest's name.", Effect.METADATA, example="census-2016-2018")
    model: ModelRef = field("The model that answers.", Effect.METADATA, example="employment")
    replay: Replay = field(
        "Which rows.",
        Effect.METADATA,
        example={"source": "source/census_later", "labels": "source/census_labels", "from": 2016, "to": 2019, "spread": "year"},
    )
    disturb: tuple[Disturbance, ...] = field(
        "Named incidents.",
        Effect.METADATA,
        default=(),
        example=[{"id": "recode", "from": "2017-03-01", "columns": ["disability"], "map": {"1": "2", "2": "1"}}],
    )
    expect: Expectation | None = field("What must have happened.", Effect.METADATA, default=None, example={"retrainings": [1, 6]})
