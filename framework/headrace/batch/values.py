"""What crosses from a batch to whatever runs it: frozen handles of chunks and of what came of them, all JSON and pickle."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Literal, Protocol

from headrace.hooks import Answers, Predictor, Signature

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd
    import pyarrow as pa
    from numpy.typing import NDArray

Duplicates = Literal["refuse", "first"]
"""What becomes of a key that stands twice: nothing is scored, or its first row counts and the others are dropped."""


@dataclass(frozen=True, slots=True)
class Stretch:
    """One Parquet file of the input; `size` and `written` (nanoseconds) tell whether it is still the one that was looked at."""

    path: str
    rows: int
    size: int
    written: int
    given: tuple[tuple[str, str | None], ...] = ()
    """Columns that its folder says of all its rows (`year=2024`)."""


@dataclass(frozen=True, slots=True)
class Chunk:
    """Some rows of one file, by position; `before` is how many rows of the whole input stand before the first of them."""

    number: int
    of: Stretch
    first: int
    rows: int
    before: int


@dataclass(frozen=True, slots=True)
class Part:
    """What became of a chunk: `good` rows with an answer in one file, `bad` and dropped ones with a reason in another, by their digests."""

    number: int
    rows: int
    good: int
    bad: int
    digest: str
    reasons: str | None
    """The digest of the file of rows without an answer; None where there are none."""
    unseen: tuple[tuple[str, int], ...] = ()
    """By input, how many rows held what training never saw."""
    duplicates: int = 0
    """How many rows were dropped, since a row before each has its key."""

    def to_json(self) -> dict[str, Any]:
        """A line of the manifest."""
        return asdict(self)

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Part:
        """The inverse of `to_json`."""
        return cls(**{**value, "unseen": tuple((str(name), int(n)) for name, n in value["unseen"])})


@dataclass(frozen=True, slots=True)
class Ready:
    """The rows of a chunk as a model is asked: inputs under their names, keys, and why a row is none (None where it is one)."""

    frame: pd.DataFrame
    keys: pa.Array
    faults: NDArray[np.object_]
    groups: pa.Array | None = None
    """What rows are ranked within; None where nothing is ranked."""


@dataclass(frozen=True, slots=True)
class Opened:
    """A version that was loaded, and how rows are made ready for it."""

    predictor: Predictor
    signature: Signature
    answers: Answers
    ready: Callable[[pa.Table, Chunk], Ready]


class Opening(Protocol):
    """How a process comes by what it needs to score: frozen, hashable and picklable, so that it goes to any machine."""

    def __hash__(self) -> int:
        """Equal ones open the same."""
        ...

    def __call__(self) -> Opened:
        """Load the version, verified by its digests."""
        ...

    def columns(self) -> tuple[str, ...]:
        """Which columns of the files are read."""
        ...


@dataclass(frozen=True, slots=True)
class Asked:
    """All that the scoring of a chunk rests on, beside the chunk: the folder of the run's parts, the output's key, and the opening.

    `group` is the column that rows are ranked within, as the output calls it; None where nothing is ranked.
    """

    folder: str
    key: str
    opening: Opening
    group: str | None = None


class Runner(Protocol):
    """Who carries chunks out: here, on processes, or on a cluster; parts come back in any order."""

    def __call__(self, work: Callable[[Chunk], Part], chunks: Iterable[Chunk]) -> Iterator[Part]:
        """The parts of the chunks, each as soon as it is there."""
        ...


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a run is: rows done of all rows, and those of them that are bad (none that was dropped is).

    `percent` never falls, and is 100 once the output stands.
    """

    done: int
    total: int
    bad: int
    percent: float


@dataclass(frozen=True, slots=True)
class Scored:
    """A run that is over."""

    run_id: str
    model: str
    version: int
    model_digest: str
    rows: int
    good: int
    bad: int
    duplicates: int
    """Rows that were dropped, since a row before each has its key; they are neither good nor bad."""
    input: str
    """The digest of what was read."""
    output: str
    """Where the answers stand."""
    digest: str
    """The digest of that file."""
    bad_rows: str | None
    """Where the bad rows and the dropped ones stand with their reasons; None where there are none."""
    unseen: dict[str, int]
    """By input, how many rows held what training never saw."""
    resumed: int = 0
    """How many rows an earlier process of this run had done."""
