"""On which side of the split a row stands: by a hash, and so for ever, or by its time."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, assert_never

from headrace.features.values import RandomSplit, TimeSplit

if TYPE_CHECKING:
    import pandas as pd

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
            keys: Iterable[str] = (f"{seed}|{name}" for name in frame[entity])
            if by == "target":
                # By the answer of its oldest row: an entity of many rows, with both answers among them, stands on one side all the same.
                oldest = frame.sort_values(time, kind="stable").drop_duplicates(entity).set_index(entity)[target]
                answers = frame[entity].map(oldest)
                keys = (f"{seed}|{_word(answer)}|{name}" for answer, name in zip(answers, frame[entity], strict=True))
            return [HOLDOUT if draw(key) < share else TRAIN for key in keys]
        case TimeSplit():
            return _by_time(frame[time], split)
        case _:
            assert_never(split)


def _word(answer: object) -> str:
    """An answer in a key: a yes or no as 1 or 0, a class as its label."""
    return answer if isinstance(answer, str) else str(int(answer))  # type: ignore[call-overload]


def draw(key: str) -> float:
    """A number in [0, 1) that a text always gives: blake2b, 8 bytes, over 2^64."""
    return int.from_bytes(hashlib.blake2b(key.encode(), digest_size=8).digest(), "big") / 2**64


def _by_time(times: pd.Series[Any], split: TimeSplit) -> list[str]:
    held = times.max() - split.holdout
    kept = held - split.gap
    return [HOLDOUT if at > held else TRAIN if at <= kept else GAP for at in times]
