"""What a gate is given beside rows and answers when it is tried: a candidate that can be asked, training rows, a stored model, records."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import orjson

from headrace.digest import digest
from headrace.hooks import Artifact, Gate, Input, Measured, Records, Sample, Signature

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd
    from numpy.typing import NDArray

REGIONS = ("north", "south", "west")
SIGNATURE = Signature((Input("age", "number", low=0.0, high=100.0), Input("region", "category", REGIONS, missing=False)))


def rows_of(target: NDArray[np.float64], rng: np.random.Generator) -> pd.DataFrame:
    """Inputs that tell something of the answers, a few of them missing."""
    import numpy as np
    import pandas as pd

    n = len(target)
    age = rng.normal(36, 10, n) + 10 * target
    age[::11] = np.nan
    return pd.DataFrame({"age": age, "region": np.array(REGIONS, dtype=object)[rng.integers(0, 3, n)]})


def answer(rows: pd.DataFrame | Sequence[Mapping[str, Any]]) -> NDArray[np.float64]:
    """A candidate: a probability that rises with age."""
    import numpy as np
    import pandas as pd

    frame = rows if isinstance(rows, pd.DataFrame) else pd.DataFrame(list(rows), columns=["age", "region"])
    age = pd.to_numeric(frame["age"]).fillna(40.0).to_numpy(dtype=np.float64)
    more = np.where(frame["region"].to_numpy(dtype=object) == "south", 0.2, 0.0)
    return np.asarray(1 / (1 + np.exp(-np.clip((age - 40) / 8 + more, -30, 30))))


def beside(gate: Gate, rows: pd.DataFrame, target: NDArray[np.float64]) -> dict[str, Any]:
    """The fields of a HeldOut for all that a gate asks for; nothing where it asks for answers alone."""
    found: dict[str, Any] = {}
    if "candidate" in gate.asks:
        found["ask"] = answer
    if "training" in gate.asks:
        found |= {"known": _sample(rows, target, "held", 12), "training": _training(len(target))}
    if "artifact" in gate.asks:
        data = b'{"kind":"logistic","age":0.125}'
        found["artifact"] = Artifact("test.logistic", "json", data, digest(data), digest(data), digest(b"{}"), digest(b"{}"))
    if "files" in gate.asks:
        data = _golden(rows)
        found["file"] = lambda path: (data, digest(data + path.encode()[:0]))
    if "process" in gate.asks:
        found["measure"] = _measured
    if "records" in gate.asks:
        facts = {"version.registered": True, "lineage.data": True, "card.written": None, "gates.passed": False}
        found["records"] = Records(facts, dict.fromkeys(facts, "so it is recorded"), datetime(2024, 1, 1, tzinfo=UTC))
    return found


def _training(n: int) -> Sample:
    import numpy as np

    rng = np.random.default_rng(11)
    target = (rng.random(n) < 0.4).astype(float)  # noqa: PLR2004 - a share of positives
    return _sample(rows_of(target, rng), target, "train", 1)


def _sample(rows: pd.DataFrame, target: NDArray[np.float64], word: str, month: int) -> Sample:
    import numpy as np

    entity = np.array([f"{word}-{number}" for number in range(len(target))], dtype=object)
    time = np.datetime64(f"2023-{month:02d}-01", "us") + np.arange(len(target)) * np.timedelta64(60_000_000, "us")
    return Sample(rows, target, entity, time)


def taken(sample: Sample, order: NDArray[np.int64]) -> Sample:
    """The same rows in another order."""
    entity = None if sample.entity is None else sample.entity[order]
    time = None if sample.time is None else sample.time[order]
    return Sample(sample.rows.iloc[order].reset_index(drop=True), sample.target[order], entity, time)


def _golden(rows: pd.DataFrame) -> bytes:
    """A file of golden requests that the candidate answers as expected; with no rows, one of no requests."""
    few = rows.dropna().head(5)
    asked = [
        {"inputs": inputs, "expect": float(said)}
        for inputs, said in zip(few.to_dict("records"), answer(few) if len(few) else (), strict=True)
    ]
    return orjson.dumps({"tolerance": 1e-9, "requests": asked})


def _measured(warm_up: int, requests: int, batches: int, rows: int) -> Measured:
    import numpy as np

    del warm_up
    seconds = np.linspace(0.001, 0.002, requests)
    return Measured(seconds, np.full(batches, rows * 1e-5), rows, 90_000_000, 95_000_000, 100_000_000, 100_500_000, 200_000)
