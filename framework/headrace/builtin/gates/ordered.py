"""Held-out rows in an order of their own, so that what is drawn for a row does not depend on where it stood."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from headrace.hooks import HeldOut, Sample

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd
    from numpy.typing import NDArray


def ordered(held_out: HeldOut) -> HeldOut:
    """The same rows, by what they hold; rows that are alike in inputs, answer and prediction are one another's equals."""
    order = _order(held_out.rows, held_out.target, held_out.predictions)
    known = None if held_out.known is None else _taken(held_out.known, order)
    rows = held_out.rows.iloc[order].reset_index(drop=True)
    return replace(held_out, rows=rows, target=held_out.target[order], predictions=held_out.predictions[order], known=known)


def ordered_sample(sample: Sample) -> Sample:
    """The same of any rows."""
    return _taken(sample, _order(sample.rows, sample.target, sample.target))


def _taken(sample: Sample, order: NDArray[np.int64]) -> Sample:
    entity = None if sample.entity is None else sample.entity[order]
    time = None if sample.time is None else sample.time[order]
    return Sample(sample.rows.iloc[order].reset_index(drop=True), sample.target[order], entity, time)


def _order(rows: pd.DataFrame, target: NDArray[np.float64], predictions: NDArray[np.float64]) -> NDArray[np.int64]:
    import numpy as np

    columns = predictions.T if predictions.ndim > 1 else [predictions]
    return np.lexsort((*columns, target, row_hashes(rows)))


def row_hashes(rows: pd.DataFrame) -> NDArray[np.uint64]:
    """A number for each row, (n,), the same for rows that hold the same, whatever types pandas keeps them in."""
    import numpy as np
    import pandas as pd

    if not rows.shape[1]:
        return np.zeros(len(rows), dtype=np.uint64)
    plain = {
        name: column.astype(float) if pd.api.types.is_numeric_dtype(column) else column.map(str, na_action="ignore").astype(object)
        for name, column in rows.items()
    }
    return np.asarray(pd.util.hash_pandas_object(pd.DataFrame(plain), index=False), dtype=np.uint64)
