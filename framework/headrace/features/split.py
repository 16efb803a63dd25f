"""On which side of the split a row stands: by a hash, and so for ever, or by its time."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any, assert_never

from headrace.features.values import RandomSplit, TimeSplit

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd
    from numpy.typing import NDArray

TRAIN = "train"
HOLDOUT = "holdout"
GAP = "gap"
"""Between the two: neither trained on nor asked about."""


def sides(
    frame: pd.DataFrame, split: RandomSplit | TimeSplit, *, entity: str, time: str, target: str, seed: int, group: str | None = None
) -> list[str]:
    """`train`, `holdout` or `gap` for each row; drawn by entity, so that all rows of one stand on one side, or by time.

    Rows of one `group` stand on one side, whole: it is drawn by its name, and its time is that of its newest row.
    """
    if group is not None:
        frame = frame.assign(**{entity: frame[group], time: frame.groupby(group)[time].transform("max")})
    match split:
        case RandomSplit(holdout=share, stratify=by):
            names = frame[entity].tolist()
            keys: Iterable[str] = (f"{seed}|{name}" for name in names)
            if by == "target":
                keys = (f"{seed}|{word}|{name}" for word, name in zip(_answers(frame, entity, time, target), names, strict=True))
            return [HOLDOUT if held else TRAIN for held in (draws(keys) < share).tolist()]
        case TimeSplit():
            return _by_time(frame[time], split)
        case _:
            assert_never(split)


def _answers(frame: pd.DataFrame, entity: str, time: str, target: str) -> Sequence[str]:
    """The answer of each row's entity as a key has it.

    It is that of its oldest row: an entity of many rows, with both answers among them, stands on one side all the same.
    """
    answers = frame[target]
    if not frame[entity].is_unique:
        oldest = frame.sort_values(time, kind="stable").drop_duplicates(entity).set_index(entity)[target]
        answers = frame[entity].map(oldest)
    words = {answer: _word(answer) for answer in answers.unique()}
    return [words[answer] for answer in answers.tolist()]


def _word(answer: object) -> str:
    """An answer in a key: a yes or no as 1 or 0, a class as its label."""
    return answer if isinstance(answer, str) else str(int(answer))  # type: ignore[call-overload]


def draws(keys: Iterable[str]) -> NDArray[np.float64]:
    """A number in [0, 1) that each text always gives, (n,): blake2b, 8 bytes, over 2^64."""
    import numpy as np

    drawn = b"".join([hashlib.blake2b(key.encode(), digest_size=8).digest() for key in keys])
    return np.frombuffer(drawn, dtype=">u8").astype(np.float64) / 2**64


def _by_time(times: pd.Series[Any], split: TimeSplit) -> list[str]:
    held = times.max() - split.holdout
    kept = held - split.gap
    return [HOLDOUT if at > held else TRAIN if at <= kept else GAP for at in times]
