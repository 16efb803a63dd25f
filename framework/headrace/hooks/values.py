"""The values that cross a hook: what a model takes in, what it gives, what a channel is handed."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Literal, Protocol

from headrace.hooks.answers import BINARY, Answers

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd
    from numpy.typing import NDArray

    from headrace.hooks.held import Artifact, Measured, Records, Sample


LONGEST_TEXT = 20_000
"""How many characters an input that is a text has at most: a request with more is refused, and no transform of ours looks at more."""


@dataclass(frozen=True, slots=True)
class Input:
    """One input of a model: a number, a category with the values that training saw, or a text."""

    name: str
    type: Literal["number", "category", "text"]
    categories: tuple[str, ...] = ()
    low: float | None = None
    high: float | None = None
    missing: bool = True
    """Whether training saw rows without it; where it saw none, a model has not learned what its absence means."""


@dataclass(frozen=True, slots=True)
class Signature:
    """A model's inputs in the order of its matrix; the one place where values become numbers.

    A category becomes its position in `categories`; a missing value, and one that training never saw, becomes NaN. A text stays one,
    empty where it is missing, for a transform to make numbers of. Training, gates and serving all encode by it, so they cannot differ.
    """

    inputs: tuple[Input, ...]

    def encode_row(self, row: Mapping[str, Any]) -> tuple[list[Any], tuple[str, ...]]:
        """One row's numbers and texts (length k), and the names of the inputs that hold what training never saw.

        That is a category, an absence where no training row lacked the input, or an input that the row does not name at all.
        """
        values: list[Any] = []
        unseen: list[str] = []
        for item in self.inputs:
            value = row.get(item.name)
            if value is None:
                values.append("" if item.type == "text" else math.nan)
                if not item.missing or item.name not in row:
                    unseen.append(item.name)
            elif item.type == "number":
                values.append(float(value))
            elif item.type == "text":
                values.append(str(value))
            elif value in item.categories:
                values.append(float(item.categories.index(value)))
            else:
                values.append(math.nan)
                unseen.append(item.name)
        return values, tuple(unseen)

    def matrix(self, rows: Sequence[Sequence[Any]]) -> NDArray[Any]:
        """Rows as `encode_row` gives them, as a matrix of shape (n, k): float64, or objects where there is a text among the inputs."""
        import numpy as np

        return np.array(rows, dtype=self._held).reshape(len(rows), len(self.inputs))

    def encode(self, frame: pd.DataFrame) -> NDArray[Any]:
        """A frame with the inputs as columns to a matrix of shape (n, k), as `matrix` has it; KeyError where a column is missing."""
        import numpy as np
        import pandas as pd

        matrix = np.full((len(frame), len(self.inputs)), np.nan, dtype=self._held)
        for position, item in enumerate(self.inputs):
            column = frame[item.name]
            if item.type == "number":
                matrix[:, position] = column.to_numpy(dtype=np.float64, na_value=np.nan)
            elif item.type == "text":
                matrix[:, position] = ["" if missing else str(value) for value, missing in zip(column, column.isna(), strict=True)]
            else:
                codes = pd.Categorical(column, categories=list(item.categories)).codes
                matrix[:, position] = np.where(codes < 0, np.nan, codes)
        return matrix

    @property
    def _held(self) -> Any:  # noqa: ANN401 - numpy's
        return object if any(item.type == "text" for item in self.inputs) else "float64"

    @property
    def categorical(self) -> tuple[int, ...]:
        """The positions of the categories in the matrix."""
        return tuple(i for i, item in enumerate(self.inputs) if item.type == "category")

    def to_json(self) -> list[dict[str, Any]]:
        """As it is stored with a model."""
        return [asdict(item) | {"categories": list(item.categories)} for item in self.inputs]

    @classmethod
    def from_json(cls, value: Sequence[Mapping[str, Any]]) -> Signature:
        """The inverse of `to_json`."""
        return cls(tuple(Input(**{**item, "categories": tuple(item["categories"])}) for item in value))


class Predictor(Protocol):
    """A model that answers; loaded once, asked by one thread at a time."""

    def predict(self, matrix: NDArray[np.float64]) -> NDArray[np.float64]:
        """Shape (n, k) to answers: (n,), or (n, c) and (n, q), as the algorithm's task says; an algorithm is given no text.

        A model that can explain itself has a second method, `contributions(matrix) -> Contributions`; `/explain` asks it. One that several
        threads may ask at once says so by `concurrent = True`. One that has a faster form for many rows gives it, or None, by
        `many() -> Predictor | None`; a server that finds its answers to be the same to the last bit asks it instead.
        """
        ...


class RowPredictor(Protocol):
    """A Predictor compiled for one row at a time: no arrays, no threads, nothing looked up. Asked by one thread at a time."""

    @property
    def path(self) -> str:
        """What this way to answer is called where a server tells what answers, such as `lightgbm-row`."""
        ...

    @property
    def exact(self) -> bool:
        """Whether its answers are the Predictor's to the last bit; otherwise they may differ by 1e-12, of a larger number by that share."""
        ...

    def predict_row(self, values: Sequence[float]) -> float | Sequence[float]:
        """One row of the matrix, k numbers with NaN where one is missing, to its answer: one number, or one for each column."""
        ...


@dataclass(frozen=True, slots=True)
class Contributions:
    """What each input adds to a raw score: `values` are (n, c, k + 1), of n rows, c classes or levels (or 1) and k inputs, the base last.

    Summed over the last axis they are the raw score, on the `scale` that says how it becomes an answer.
    """

    values: NDArray[np.float64]
    scale: Literal["identity", "log", "log-odds", "softmax"]


@dataclass(frozen=True, slots=True)
class Component:
    """One part of an ensemble: what it is called, by which algorithm and parameters it was made, and its own bytes."""

    id: str
    algorithm: str
    params: Mapping[str, Any]
    data: bytes


class Algorithms(Protocol):
    """The algorithms that are registered, as one that is made of others asks for them.

    Whatever they raise goes on as it is; LookupError where nobody registered a name.
    """

    def task(self, algorithm: str) -> str:
        """What it answers, as `Algorithm.task` says it."""
        ...

    def fit(
        self,
        algorithm: str,
        params: Mapping[str, Any],
        matrix: NDArray[np.float64],
        target: NDArray[np.float64],
        *,
        signature: Signature,
        seed: int,
    ) -> Predictor:
        """Train on (n, k) and (n,); params are as a spec has them."""
        ...

    def save(self, algorithm: str, predictor: Predictor) -> bytes:
        """A predictor that `fit` or `load` gave, as bytes."""
        ...

    def load(self, algorithm: str, data: bytes, *, signature: Signature) -> Predictor:
        """The inverse of `save`."""
        ...


@dataclass(frozen=True, slots=True)
class Prepared:
    """What a transform learned (`state`, as JSON), the d inputs that it makes, and those of the training rows, (n, d) float64.

    The training rows' own may differ from what `apply` would make of them, where a row must not be told its own answer.
    """

    state: Mapping[str, Any]
    outputs: tuple[Input, ...]
    values: NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Comparison:
    """What a detector found: how large the drift is, and how likely without one."""

    effect: float
    p_value: float


@dataclass(frozen=True, slots=True)
class Finding:
    """What a rule found: in which spec (`model/churn`), at which part of it (`("gates", 0, "metric")`), and what to type."""

    address: str
    message: str
    path: tuple[str | int, ...] = ()
    help: str | None = None
    severity: Literal["error", "warning", "note"] = "error"


@dataclass(frozen=True, slots=True)
class Rung:
    """One step of a rollout: the candidate's share of the units, between 0 and 1, how long it holds, and whether a person ends it."""

    weight: float
    hold: timedelta
    then: Literal["wait"] | None = None


@dataclass(frozen=True, slots=True)
class HeldOut:
    """What a gate judges by: the n held-out rows, each gate with values of its own.

    `rows` has the model's inputs as columns, `target` (n,) is 0 or 1, `predictions` (n,) are the candidate's probabilities. `champion` and
    `baseline` are the answers of those that the gate asks for, (n,); the champion's is None while there has never been one.
    For a gate of other `tasks`, target and answers are as `Algorithm.task` says.
    """

    rows: pd.DataFrame
    target: NDArray[np.float64]
    predictions: NDArray[np.float64]
    champion: NDArray[np.float64] | None = None
    baseline: NDArray[np.float64] | None = None
    live: Live | None = None
    """For a gate that asks for `live`."""
    group: NDArray[np.int64] | None = None
    """Of a ranking, (n,): rows with the same number are ranked among each other."""
    answers: Answers = BINARY
    """What the candidate answers: its task, its classes, its levels."""
    signature: Signature | None = None
    """The candidate's inputs as training saw them: types, categories, bounds."""
    ask: Callable[[pd.DataFrame | Sequence[Mapping[str, Any]]], NDArray[np.float64]] | None = None
    """For a gate that asks for `candidate`: its answers to other rows, a frame as training encodes one, or requests as a server does.

    NoAnswer where it raises, gives what is no answer of its task, or takes longer than a minute.
    """
    known: Sample | None = None
    """For a gate that asks for `training`: the same n held-out rows with their entities and times."""
    training: Sample | None = None
    """For a gate that asks for `training`: the rows that the candidate was trained on."""
    artifact: Artifact | None = None
    """For a gate that asks for `artifact`."""
    file: Callable[[str], tuple[bytes, str]] | None = None
    """For a gate that asks for `files`: the bytes of a file of the project, and the digest that they are kept under with the verdict.

    ValueError for a path that leaves the project's folder, or where there is no such file.
    """
    measure: Callable[[int, int, int, int], Measured] | None = None
    """For a gate that asks for `process`: `measure(warm_up, requests, batches, rows)`."""
    records: Records | None = None
    """For a gate that asks for `records`."""


@dataclass(frozen=True)
class Live:
    """Features of n entities at moments of live data: `online` as they are read now, `offline` as a training set would hold them.

    Both have a column a feature and a row a pair of `entity` and `moments`; what is missing is None or NaN. `journalled` is what requests
    were answered from, row by row the same pairs; None where there were no requests, and the pairs are of events instead.
    """

    entity: list[str]
    moments: list[datetime]
    online: pd.DataFrame
    offline: pd.DataFrame
    journalled: pd.DataFrame | None


@dataclass(frozen=True, slots=True)
class Ruling:
    """What a gate says: whether the candidate passes, why in one line, and the numbers that it says it by.

    `low` and `high` bound the value, `threshold` is what it was held against, `n` how many rows it was computed over. `evidence` is kept
    with the verdict: a JSON object of at most 32 kB, by which somebody else can tell how the value came about.
    """

    passed: bool
    reason: str
    value: float | None = None
    low: float | None = None
    high: float | None = None
    threshold: float | None = None
    n: int | None = None
    evidence: Mapping[str, Any] = field(default_factory=dict, compare=False)


@dataclass(frozen=True, slots=True)
class Export:
    """One version as it leaves: every byte was held against the digest that its registration recorded.

    `data` is the model in its `format`, `manifest` the canonical JSON that `manifest_digest` (`sha256:<hex>`) is of. `serving` is how the
    model is served (a JSON value), None where the project does not say. `card` is its newest model card, a JSON value, None where there
    is none; `card_digest` (`sha256:<hex>`) is of its canonical JSON, `card_status` one of draft, pending, approved, archived.
    `requirements` are the packages that were installed where it was made, as `name==version`.
    """

    model: str
    number: int
    algorithm: str
    format: str
    data: bytes
    data_digest: str
    manifest: bytes
    manifest_digest: str
    signature: Signature
    created_at: datetime
    serving: Mapping[str, Any] | None = None
    card: Mapping[str, Any] | None = None
    card_digest: str | None = None
    card_status: str | None = None
    requirements: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Server:
    """What another machine needs in order to serve a model, without a secret: those stand in it as `env:NAME` and `file:PATH`.

    `serving` and `workspace` are the compiled `flows/MODEL.serving.json` and `flows/headrace.json` (JSON values). `files` are the files of
    the project's folder that a server reads, by their paths in it. `requirements` are the packages that the server was seen to work with,
    as `name==version`, all of them; `python` is the version that they were installed for, such as `3.11`.
    """

    model: str
    serving: Mapping[str, Any]
    workspace: Mapping[str, Any]
    files: Mapping[str, bytes]
    requirements: tuple[str, ...]
    python: str


@dataclass(frozen=True, slots=True)
class Message:
    """What a channel is handed: one alert, said once."""

    fingerprint: str
    model: str
    alert: str
    severity: Literal["info", "warning", "critical"]
    status: Literal["firing", "resolved"]
    title: str
    text: str
    details: Mapping[str, Any]
    at: datetime
    id: str = ""
    """The same at every attempt to deliver it, so that a receiver can tell a repetition."""

    def to_json(self) -> dict[str, Any]:
        """As a machine reads it; `at` is ISO 8601 in UTC."""
        return {field: getattr(self, field) for field in self.__dataclass_fields__} | {
            "details": dict(self.details),
            "at": self.at.isoformat(),
        }

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Message:
        """The inverse of `to_json`."""
        return cls(**{**value, "at": datetime.fromisoformat(value["at"])})
