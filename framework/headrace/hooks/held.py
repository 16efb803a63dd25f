"""What a gate may look at beside the held-out rows and their answers: training rows, the stored model, a project's files, a measurement."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd
    from numpy.typing import NDArray

Asks = Literal["champion", "baseline", "live", "candidate", "training", "artifact", "files", "process", "records"]
"""What a gate asks for beyond rows, answers and the candidate's predictions; what it does not ask for is None."""


class NoAnswer(Exception):  # noqa: N818 - it is no error of ours, it is what a candidate did
    """Why a candidate gave no answer to the rows that it was asked about."""


@dataclass(frozen=True, slots=True)
class Sample:
    """n rows with what is known of them: `rows` has the model's inputs as columns, `target` (n,) is as `Algorithm.task` says.

    `entity` (n,) are texts, `time` (n,) are `datetime64[us]` in UTC; None where the rows were kept without them.
    """

    rows: pd.DataFrame
    target: NDArray[np.float64]
    entity: NDArray[np.object_] | None = None
    time: NDArray[np.datetime64] | None = None


@dataclass(frozen=True, slots=True)
class Artifact:
    """The model as it is stored, with what its registration recorded: a digest is `sha256:<hex>`, `found` that of the bytes themselves."""

    algorithm: str
    format: str
    data: bytes
    recorded: str
    found: str
    manifest_recorded: str
    manifest_found: str


@dataclass(frozen=True, slots=True)
class Measured:
    """How a model did in a process of its own that ran nothing else, after a warm-up.

    `single` (m,) are seconds of one-row requests, from a request's values to the answer; `batch` (b,) those of `rows` rows each. Bytes of
    resident memory: `before` the model was read, once `loaded`, after the warm-up (`warm`), and after all requests (`after`); `traced` is
    the peak that Python's own allocator saw while requests were answered.
    """

    single: NDArray[np.float64]
    batch: NDArray[np.float64]
    rows: int
    before: int
    loaded: int
    warm: int
    after: int
    traced: int


@dataclass(frozen=True, slots=True)
class Records:
    """What is recorded of a candidate, as questions with an answer: True, False, or None where nothing is recorded that could tell.

    `facts` are by name, such as `lineage.data`; `because` says of each by what it was told.
    """

    facts: Mapping[str, bool | None]
    because: Mapping[str, str]
    at: datetime


def plain(value: Any, most: int) -> Any:  # noqa: ANN401 - whatever a plugin gave
    """A value as JSON has it, numbers of numpy as Python's; ValueError where it is none, or has more than `most` bytes as JSON."""
    import orjson

    try:
        data = orjson.dumps(value, option=orjson.OPT_SERIALIZE_NUMPY)
    except TypeError as error:
        raise ValueError(f"it is no JSON: {error}") from None
    if len(data) > most:
        raise ValueError(f"it has {len(data):,} bytes as JSON, and {most:,} are kept")
    return orjson.loads(data)
