"""How a column becomes what the spec says that it is: whole numbers, numbers, text, moments; anything else is a changed type."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from headrace.diagnostics import Diagnostic, Report
from headrace.spec.source import TEXTS
from headrace.stats.category import category_texts

if TYPE_CHECKING:
    import pandas as pd

    Column = pd.Series[Any]

_MISSING = ("", "na", "nan", "null", "none")
"""What a text file may write for a number that is missing."""
LEAST, GREATEST = -(2**63), 2**63 - 1
"""What int64 holds."""
_EXACT = 2.0**53
"""From here on float64 passes over whole numbers."""


def judged(column: Column, kind: str, said: str, report: Report, *, first: int = 0, shown: bool = True) -> Column | None:
    """The column as int64, float, category, text or timestamp; None, and a fault in the report, where a value is nothing of that kind.

    `said` names the column in messages, `first` is how many rows stand before it, and a value that is not `shown` is told by its row.
    """
    import pandas as pd

    values, bad = typed(column, kind)
    if bad.any():
        row = int(bad.to_numpy().argmax())
        count = f", and {int(bad.sum()) - 1:,} more" if bad.sum() > 1 else ""
        held = f"`{column.iloc[row]}`" if shown else "something else (it is personal)"
        report.add(
            Diagnostic(
                "changed-type",
                f"{said} is no longer {kind}: row {first + row + 1} holds {held}{count} (the file's type is {column.dtype})",
            )
        )
        return None
    return pd.Series(values.to_numpy() if kind != "timestamp" else values, index=column.index)


def all_missing(said: str, rows: int) -> Diagnostic:
    """The fault that a number has no value at all."""
    return Diagnostic("all-missing", f"{said} has no value in any of {rows:,} rows")


def typed(column: Column, kind: str) -> tuple[Column, Column]:
    """The column as that kind, and which of its values are nothing of it; these mean nothing in the first."""
    convert: dict[str, Callable[[Column], tuple[Column, Column]]] = {
        "int64": _whole,
        "float": _number,
        "category": _category,
        "text": _category,
        "timestamp": _timestamp,
    }
    composite = _composite(column, kind)
    values, bad = convert[kind](column.mask(composite, None) if composite.any() else column)
    return values, bad | composite


def _composite(column: Column, kind: str) -> Column:
    """Which cells are no single value: lists, mappings, and bytes where text is to be read."""
    import pandas as pd

    def composite(value: object) -> bool:
        if isinstance(value, bytes) and kind not in TEXTS:
            return True
        try:
            hash(value)
        except TypeError:
            return True
        return False

    bad = [composite(value) for value in column] if column.dtype == object else False
    return pd.Series(data=bad, index=column.index, dtype=bool)


def _number(column: Column) -> tuple[Column, Column]:
    import numpy as np
    import pandas as pd
    from pandas.api.types import is_bool_dtype, is_datetime64_any_dtype, is_numeric_dtype

    if is_bool_dtype(column.dtype) or is_datetime64_any_dtype(column.dtype):
        return column, column.notna()
    if is_numeric_dtype(column.dtype):
        values = pd.Series(column.to_numpy(dtype=np.float64, na_value=np.nan), index=column.index)
        return values, pd.Series(np.isinf(values), index=column.index)
    text = column.astype("string")
    values = pd.Series(pd.to_numeric(text, errors="coerce").to_numpy(dtype=np.float64, na_value=np.nan), index=column.index)
    absent = column.isna() | text.str.strip().str.lower().isin(_MISSING).fillna(value=True)
    return values, (values.isna() & ~absent.astype(bool)) | np.isinf(values)


def _whole(column: Column) -> tuple[Column, Column]:
    import numpy as np
    import pandas as pd
    from pandas.api.types import is_integer_dtype, is_numeric_dtype, is_unsigned_integer_dtype

    if is_integer_dtype(column.dtype):
        beyond = pd.Series(data=False, index=column.index)
        if is_unsigned_integer_dtype(column.dtype):
            beyond = (column.astype("UInt64") > GREATEST).fillna(value=False).astype(bool)
        if beyond.any() or column.isna().any():
            return _number(column)[0], beyond
        # Not by way of float64, which holds no more than 53 bits.
        return pd.Series(column.to_numpy(dtype=np.int64), index=column.index), beyond
    values, bad = _number(column)
    if bad.any():
        return values, bad
    numbers = values.to_numpy()
    wrong = ~np.isnan(numbers) & ((numbers != np.floor(numbers)) | (numbers < LEAST) | (numbers >= -float(LEAST)))
    whole = np.where(wrong | np.isnan(numbers), 0, numbers).astype(np.int64)
    if not is_numeric_dtype(column.dtype):
        for row in np.flatnonzero(np.abs(numbers) >= _EXACT):
            written = Decimal(str(column.iloc[row]).strip())
            wrong[row] = written != written.to_integral_value() or not LEAST <= written <= GREATEST
            whole[row] = 0 if wrong[row] else int(written)
    return values if np.isnan(numbers).any() else pd.Series(whole, index=column.index), pd.Series(wrong, index=column.index)


def _category(column: Column) -> tuple[Column, Column]:
    import pandas as pd

    texts, none = category_texts(column)
    return pd.Series(texts, index=column.index, dtype=object), pd.Series(none, index=column.index)


def _timestamp(column: Column) -> tuple[Column, Column]:
    """Moments in UTC; those without a zone are UTC already."""
    import pandas as pd
    from pandas.api.types import is_datetime64_any_dtype, is_numeric_dtype

    if is_numeric_dtype(column.dtype):  # seconds, days, milliseconds? It does not say.
        return column, column.notna()
    source = column if is_datetime64_any_dtype(column.dtype) else column.astype("string")
    values = pd.Series(
        pd.to_datetime(source, utc=True, errors="coerce", format=None if source is column else "ISO8601"), index=column.index
    )
    return values.dt.as_unit("us"), values.isna() & column.notna()
