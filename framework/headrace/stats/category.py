"""The text that a category is held as, wherever its value came from: a file's column, a request, or the journal."""

from __future__ import annotations

from numbers import Integral, Real
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd
    from numpy.typing import NDArray


def category_text(value: object) -> str | None:
    """A whole number without its point (21 and 21.0 are `21`), anything else as it prints; None for a number that is not whole."""
    if isinstance(value, Real) and not isinstance(value, Integral):
        number = float(value)
        return str(int(number)) if number.is_integer() else None
    return str(value)


def category_texts(column: pd.Series[Any]) -> tuple[NDArray[np.object_], NDArray[np.bool_]]:
    """A column's texts, (n,), None where a value is missing; and which values are no category, (n,), which then print as they are.

    TypeError where a value is a list or a mapping.
    """
    import numpy as np

    codes, texts, none = category_codes(column)
    return np.array([*texts, None], dtype=object)[codes], np.array([*none, False], dtype=bool)[codes]


def category_codes(column: pd.Series[Any]) -> tuple[NDArray[np.int64], list[str], list[bool]]:
    """Which of some texts each value has, (n,), -1 where it is missing; the texts, of which two may be equal; and which are no category's.

    TypeError as above.
    """
    import pandas as pd

    codes, distinct = pd.factorize(column, use_na_sentinel=True)
    texts = [category_text(value) for value in distinct]
    printed = [str(value) if text is None else text for value, text in zip(distinct, texts, strict=True)]
    return codes, printed, [text is None for text in texts]
