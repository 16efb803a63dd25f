"""How a column becomes what the spec says that it is: whole numbers, numbers, text, moments; anything else is a changed type."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from headrace.diagnostics import Diagnostic, Report

if TYPE_CHECKING:
    import pandas as pd

    Column = pd.Series[Any]

_MISSING = ("", "na", "nan", "null", "none")
"""What a text file may write for a number that is missing."""


def as_type(column: Column, kind: str, said: str, report: Report) -> Column | None:
    """The column as int64, float, category or timestamp; None, and a fault in the report, where a value is nothing of that kind.

    `said` names the column in messages. Faults: `changed-type`, `all-missing` (numbers of which none is there).
    """
    import pandas as pd

    convert: dict[str, Callable[[Column], tuple[Column, Column]]] = {
        "int64": _whole,
        "float": _number,
        "category": _category,
        "timestamp": _timestamp,
    }
    values, bad = convert[kind](column)
    if bad.any():
        row = int(bad.to_numpy().argmax())
        count = f", and {int(bad.sum()) - 1:,} more" if bad.sum() > 1 else ""
        report.add(
            Diagnostic(
                "changed-type",
                f"{said} is no longer {kind}: row {row + 1} holds `{column.iloc[row]}`{count} (the file's type is {column.dtype})",
            )
        )
        return None
    if kind in ("int64", "float") and values.isna().all():
        report.add(Diagnostic("all-missing", f"{said} has no value in any of {len(values):,} rows"))
        return None
    return pd.Series(values.to_numpy() if kind != "timestamp" else values, index=column.index)


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
    from pandas.api.types import is_integer_dtype

    if is_integer_dtype(column.dtype) and not column.isna().any():
        # Not by way of float64, which holds no more than 53 bits.
        return pd.Series(column.to_numpy(dtype=np.int64), index=column.index), pd.Series(data=False, index=column.index)
    values, bad = _number(column)
    if bad.any():
        return values, bad
    fractional = values.notna() & (values != np.floor(values))
    if fractional.any() or values.isna().any():
        return values, fractional
    whole = pd.to_numeric(column.astype("string"), errors="raise", dtype_backend="numpy_nullable") if column.dtype == "string" else values
    return pd.Series(whole.to_numpy(dtype=np.int64), index=column.index), fractional


def _category(column: Column) -> tuple[Column, Column]:
    import numpy as np
    import pandas as pd

    codes, distinct = pd.factorize(column, use_na_sentinel=True)
    texts: list[str | None] = []
    fractional: list[bool] = []
    for value in distinct:
        number = isinstance(value, float | np.floating)
        fractional.append(bool(number and not float(value).is_integer()))
        texts.append(str(int(value)) if number and not fractional[-1] else str(value))
    text = np.array([*texts, None], dtype=object)[codes]
    bad = np.array([*fractional, False], dtype=bool)[codes]
    return pd.Series(text, index=column.index, dtype=object), pd.Series(bad, index=column.index)


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
