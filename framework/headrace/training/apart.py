"""Rows of the training side that a model is not fitted on: those that end its training, and those that calibrate its answers."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from headrace.diagnostics import Diagnostic, HeadraceError

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd
    from numpy.typing import NDArray

    Positions = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class EarlyStopping:
    """Training ends once the loss on `share` of the training side was not improved for `rounds` steps; `newest` takes the newest rows."""

    rounds: int
    share: float
    newest: bool = False


@dataclass(frozen=True, slots=True)
class Calibrate:
    """Answers are made probabilities by `share` of the training side; `newest` takes the newest rows."""

    method: Literal["isotonic", "sigmoid"]
    share: float
    newest: bool = False


@dataclass(frozen=True, slots=True)
class Parts:
    """Positions of the training side, each row in one of them: to fit on, to end the training by, to calibrate by."""

    fit: Positions
    validation: Positions
    calibration: Positions


def parts(frame: pd.DataFrame, early: EarlyStopping | None, calibrate: Calibrate | None, *, entity: str, time: str, seed: int) -> Parts:
    """Who is fitted on and who is kept apart. Rows of one entity stay together, and the same entities are apart in every run.

    HeadraceError `too-few-rows` where a part would be empty.
    """
    import numpy as np

    rest = np.arange(len(frame), dtype=np.int64)
    none = rest[:0]
    calibration = validation = none
    if calibrate is not None:
        rest, calibration = _take(frame, rest, calibrate, entity=entity, time=time, seed=f"calibrate {seed}")
    if early is not None:
        rest, validation = _take(frame, rest, early, entity=entity, time=time, seed=f"early {seed}")
    return Parts(rest, validation, calibration)


def _take(
    frame: pd.DataFrame, among: Positions, what: EarlyStopping | Calibrate, *, entity: str, time: str, seed: str
) -> tuple[Positions, Positions]:
    import numpy as np
    import pandas as pd

    rows = frame.iloc[among]
    if what.newest:
        times = pd.to_datetime(rows[time], utc=True).to_numpy()
        wanted = times >= np.sort(times)[int(len(times) * (1 - what.share))] if len(times) else times.astype(bool)
    else:
        codes, entities = pd.factorize(rows[entity], use_na_sentinel=False)
        drawn = np.array([_drawn(seed, value) < what.share for value in entities], dtype=bool)
        wanted = drawn[codes]
    if wanted.all() or not wanted.any():
        word = "early_stopping" if isinstance(what, EarlyStopping) else "calibrate"
        message = f"{what.share:.0%} of {len(among):,} rows leaves no rows {'apart' if not wanted.any() else 'to fit on'} for `{word}`"
        raise HeadraceError(Diagnostic("too-few-rows", message))
    return among[~wanted], among[wanted]


def _drawn(seed: str, value: object) -> float:
    return int.from_bytes(hashlib.blake2b(f"{seed}|{value}".encode(), digest_size=8).digest()) / 2**64
