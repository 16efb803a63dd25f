"""A version's form for many rows at once, where its model has one that answers to the same bits in less time."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING

from headrace.hooks import Predictor
from headrace.serving.fast.gate import samples
from headrace.serving.snapshot import Served
from headrace.transforms import Calibrated, Transformed

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

LOG = logging.getLogger("headrace.serving")

TIMED = 512
"""So many rows are asked both ways, to see which takes less."""


def widest(served: Served, failed: Callable[[], None]) -> Served:
    """The version with its form for many rows; without, where it has none, or one that is no faster.

    One that differs, or fails, is left out, too: that is logged, and `failed` is called.
    """
    try:
        form = _form(served.batch)
        if form is None:
            return served
        why = _difference(served, form)
    except Exception as error:  # noqa: BLE001 - a plugin may raise anything
        why = f"{type(error).__name__}: {error}"
    else:
        if why is None:
            return replace(served, many=form) if _faster(served, form) else served
    failed()
    LOG.warning("v%d answers many rows plainly: its form for them does not answer alike: %s", served.number, why)
    return served


def _form(predictor: Predictor) -> Predictor | None:
    match predictor:
        case Calibrated() | Transformed():
            inner = _form(predictor.predictor)
            return None if inner is None else replace(predictor, predictor=inner)
        case _:
            many: Callable[[], Predictor | None] | None = getattr(predictor, "many", None)
            return None if many is None else many()


def _difference(served: Served, form: Predictor) -> str | None:
    """How the two differ on rows of all kinds; None where they do not."""
    import numpy as np

    matrix = _matrix(served)
    plain, given = served.batch.predict(matrix), form.predict(matrix)
    if given.shape != plain.shape:
        return f"answers of shape {given.shape}, and {plain.shape}"
    apart = ~((given == plain) | (np.isnan(given) & np.isnan(plain)))
    return f"{int(apart.sum())} of {apart.size} numbers differ" if apart.any() else None


def _faster(served: Served, form: Predictor) -> bool:
    import numpy as np

    matrix = _matrix(served)
    rows = matrix[np.arange(TIMED) % len(matrix)]
    return _seconds(form, rows) < _seconds(served.batch, rows)


def _matrix(served: Served) -> NDArray[np.float64]:
    signature = served.signature
    return signature.matrix([signature.encode_row(row)[0] for row in samples(signature)])


def _seconds(predictor: Predictor, matrix: NDArray[np.float64]) -> float:
    """The CPU time of this thread that it takes, the least of three."""
    taken = []
    for _ in range(3):
        started = time.thread_time()
        predictor.predict(matrix)
        taken.append(time.thread_time() - started)
    return min(taken)
