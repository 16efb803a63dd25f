"""The words of the section `features` as values, and the handle on training rows that crosses a task."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, Literal

from headrace.hooks import Task


@dataclass(frozen=True, slots=True)
class Target:
    """What is to be predicted: a column, known `delay` after the row's time; what stands in it, the task says."""

    column: str
    delay: timedelta


@dataclass(frozen=True, slots=True)
class Number:
    """A numeric input, read from `column`, or computed by the `view` of that name; `low` and `high` bound what a request may carry."""

    name: str
    column: str | None = None
    view: str | None = None
    low: float | None = None
    high: float | None = None


@dataclass(frozen=True, slots=True)
class Category:
    """An input that is one of some texts, read from `column`, or computed by the `view` of that name."""

    name: str
    column: str | None = None
    view: str | None = None


@dataclass(frozen=True, slots=True)
class Text:
    """An input of free text, read from `column`, or computed by the `view` of that name; a transform makes numbers of it."""

    name: str
    column: str | None = None
    view: str | None = None


@dataclass(frozen=True, slots=True)
class RandomSplit:
    """Hold out a share of the entities by a hash of seed and entity; with `stratify`, of seed, the oldest row's answer and entity."""

    holdout: float
    stratify: Literal["target"] | None = None


@dataclass(frozen=True, slots=True)
class TimeSplit:
    """Hold out the newest rows, and leave out those of `gap` before them."""

    holdout: timedelta
    gap: timedelta


@dataclass(frozen=True, slots=True)
class Rows:
    """Training rows: where they are kept (`digest`, a Parquet blob), how many, and what their columns are.

    The blob's columns: `entity`, `time`, the inputs by name, `target`, `side` (train or holdout) and `origin` (source or journal).
    `new` counts the rows whose answers came by the journal; `repeated` those left out for another row of
    their entity and time, or for a newer one of their entity;
    `misfit` the journalled requests left out because a value in them is nothing of its input's type.
    Of a ranking, `group` is the column whose rows are ranked among each other, as text after `time`.
    `inputs` are `headrace.hooks.Input` without categories, as JSON. `spec` is the digest of all that the step was told.
    """

    model: str
    run_id: str
    digest: str
    rows: int
    train: int
    holdout: int
    new: int
    repeated: int
    misfit: int
    as_of: str
    entity: str
    time: str
    target: str
    inputs: list[dict[str, Any]]
    spec: str
    task: Task = "binary"
    """What the target is: 0 and 1, labels, or numbers."""
    group: str | None = None
    plugins: dict[str, str] = field(default_factory=dict)
    """Whose plugins read them, each with its release."""
    sources: dict[str, str] = field(default_factory=dict)
    """The digest of what each source held: of its files' bytes, or of its rows where it has no files."""
