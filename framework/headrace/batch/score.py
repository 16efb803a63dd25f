"""One chunk to one part: the function that any runner calls, anywhere that sees the files; called twice, it writes the same."""

from __future__ import annotations

import io
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from headrace.batch import folder as place
from headrace.batch.cursor import Cursor
from headrace.batch.keys import surplus
from headrace.batch.places import RANK
from headrace.batch.values import Asked, Chunk, Opened, Opening, Part, Ready
from headrace.hooks import Answers, Predictor, Signature

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd
    import pyarrow as pa
    from numpy.typing import NDArray

PREDICTION = "prediction"
_LONGEST = 300


def score(asked: Asked, chunk: Chunk) -> Part:
    """Score a chunk and write its part, whole or not at all.

    HeadraceError `input-changed`, and those of the opening; OSError where the part cannot be written.
    """
    import numpy as np
    import pandas as pd

    opened, cursor = _here(asked.opening)
    ready = opened.ready(cursor.take(chunk), chunk)
    faults = ready.faults
    _refuse_keys(asked, ready)
    _refuse_bounds(opened.signature, ready.frame, faults)
    dropped = _drop(asked, chunk, faults)
    sound = pd.isna(faults)
    frame = ready.frame if sound.all() else ready.frame[sound]
    answers, failed = _asked(opened, frame)
    rows = np.flatnonzero(sound)
    for at, why in failed.items():
        faults[rows[at]] = why
    if failed:
        kept = np.ones(len(rows), dtype=bool)
        kept[list(failed)] = False
        answers, rows, frame = answers[kept], rows[kept], frame[kept]
    folder = Path(asked.folder)
    broken = np.flatnonzero(~pd.isna(faults))
    reasons = place.write_whole(place.bad(folder, chunk.number), _parquet(_bad(asked.key, chunk, ready, broken))) if len(broken) else None
    named = {asked.key: ready.keys} | ({asked.group: ready.groups} if asked.group is not None and ready.groups is not None else {})
    known = named if len(rows) == chunk.rows else {name: values.take(_positions(rows)) for name, values in named.items()}
    digest = place.write_whole(place.part(folder, chunk.number), _parquet(_good(known, answers, opened.answers)))
    unseen = _unseen(opened.signature, frame)
    return Part(chunk.number, chunk.rows, len(rows), len(broken) - dropped, digest, reasons, unseen, dropped)


@lru_cache(maxsize=2)  # a process scores chunks of one run after another
def _here(opening: Opening) -> tuple[Opened, Cursor]:
    """What this process scores by, and where it reads."""
    return opening(), Cursor(opening.columns())


def forget_opened() -> None:
    """Let go of what this process scored by."""
    _here.cache_clear()


# which rows are none ---------------------------------------------------------------------------------------------


def _drop(asked: Asked, chunk: Chunk, faults: NDArray[np.object_]) -> int:
    """How many rows have the key of a row before them: that is why each has no answer, whatever else may be wrong with it."""
    twice = surplus(Path(asked.folder), chunk)
    if twice is None:
        return 0
    faults[twice] = f"another row before it has the same `{asked.key}`"
    return int(twice.sum())


def _refuse_keys(asked: Asked, ready: Ready) -> None:
    for name, values in ((asked.key, ready.keys), (asked.group, ready.groups)):
        if values is not None:
            _mark(ready.faults, values.is_null().to_numpy(zero_copy_only=False), f"it has no `{name}`")


def _refuse_bounds(signature: Signature, frame: pd.DataFrame, faults: NDArray[np.object_]) -> None:
    """As a server refuses a request whose number is out of the spec's bounds."""
    for item in signature.inputs:
        if item.type != "number":
            continue
        values = frame[item.name].to_numpy(dtype="float64", na_value=float("nan"))
        if item.low is not None:
            _mark(faults, values < item.low, f"`{item.name}` is below {item.low:g}")
        if item.high is not None:
            _mark(faults, values > item.high, f"`{item.name}` is above {item.high:g}")


def _mark(faults: NDArray[np.object_], those: NDArray[np.bool_], why: str) -> None:
    """The first thing that is wrong with a row is what is told."""
    for at in those.nonzero()[0]:
        if faults[at] is None:
            faults[at] = why


# asking ----------------------------------------------------------------------------------------------------------


def _asked(opened: Opened, frame: pd.DataFrame) -> tuple[NDArray[np.float64], dict[int, str]]:
    """The answers to all rows, and by position why a row has none; the answers of those mean nothing."""
    import numpy as np

    if not len(frame):
        return np.empty(opened.answers.shape(0)), {}
    matrix = opened.signature.encode(frame)
    given = np.full(opened.answers.shape(len(frame)), np.nan)
    failed: dict[int, str] = {}
    waiting = [(0, len(frame))]
    while waiting:  # what fails together is asked in halves, until the rows that fail stand alone
        low, high = waiting.pop()
        found = _try(opened.predictor, opened.answers, matrix[low:high])
        if not isinstance(found, str):
            given[low:high] = found
        elif high - low == 1:
            failed[low] = found
        else:
            middle = (low + high) // 2
            waiting += [(middle, high), (low, middle)]
    return given, failed


def _try(predictor: Predictor, answers: Answers, matrix: NDArray[Any]) -> NDArray[np.float64] | str:
    try:
        given = predictor.predict(matrix)
    except MemoryError:
        raise
    except Exception as error:  # noqa: BLE001 - a plugin may raise anything; it is told beside the row
        return f"the model failed: {type(error).__name__}: {error}".replace("\x00", "")[:_LONGEST]
    fault = answers.fault(given, len(matrix))
    return given if fault is None else f"the model {fault}"[:_LONGEST]


# files -----------------------------------------------------------------------------------------------------------


def columns(key: tuple[str, str], group: tuple[str, str] | None, answers: Answers) -> dict[str, str]:
    """The columns of an output, each `int64`, `float`, `timestamp` or `text`; the key's and the group's types are a source's words."""
    said = "text" if answers.task == "multiclass" else "float"
    beside = [f"{'probability' if answers.task == 'multiclass' else 'quantile'}.{name}" for name in answers.keys]
    known = {name: kind if kind in {"int64", "float", "timestamp"} else "text" for name, kind in (key, *([group] if group else []))}
    made = known | {PREDICTION: said} | dict.fromkeys(beside, "float")
    return made | ({RANK: "int64"} if group is not None else {})


def _good(known: Mapping[str, pa.Array], given: NDArray[np.float64], answers: Answers) -> pa.Table:
    """The key, the group where rows are ranked, what was answered, and beside a class or a quantile all of them."""
    import pyarrow as pa

    columns: dict[str, Any] = {**known}
    if answers.task == "multiclass":
        labels = pa.array(given.argmax(axis=1).astype("int32") if len(given) else [], pa.int32())
        columns[PREDICTION] = pa.DictionaryArray.from_arrays(labels, pa.array(answers.classes, pa.string())).cast(pa.string())
        columns |= {f"probability.{name}": given[:, at] for at, name in enumerate(answers.classes)}
    elif answers.task == "quantile":
        columns[PREDICTION] = given[:, answers.middle]
        columns |= {f"quantile.{name}": given[:, at] for at, name in enumerate(answers.keys)}
    else:
        columns[PREDICTION] = given
    return pa.table(columns)


def _bad(key: str, chunk: Chunk, ready: Ready, broken: NDArray[np.intp]) -> pa.Table:
    """Where in the input a row stands (the first is 1), its key as text, and why it was not scored."""
    import pyarrow as pa

    keys = ready.keys.take(_positions(broken)).cast(pa.string())
    return pa.table(
        {"row": pa.array(broken + chunk.before + 1, pa.int64()), key: keys, "reason": pa.array(list(ready.faults[broken]), pa.string())}
    )


def _positions(rows: NDArray[np.intp]) -> pa.Array:
    import pyarrow as pa

    return pa.array(rows, pa.int64())


def _parquet(table: pa.Table) -> bytes:
    import pyarrow.parquet as pq

    held = io.BytesIO()
    pq.write_table(table, held, compression="zstd")
    return held.getvalue()


def _unseen(signature: Signature, frame: pd.DataFrame) -> tuple[tuple[str, int], ...]:
    """How many rows hold what training never saw: a category, or an absence."""
    found: dict[str, int] = {}
    for item in signature.inputs:
        if item.missing and item.type != "category":
            continue
        absent = frame[item.name].isna().to_numpy()
        count = 0 if item.missing else int(absent.sum())
        if item.type == "category":
            count += int((~frame[item.name].isin(item.categories).to_numpy() & ~absent).sum())
        if count:
            found[item.name] = count
    return tuple(sorted(found.items()))
