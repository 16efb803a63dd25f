"""What text a category is held as."""

from decimal import Decimal

import numpy as np
import pandas as pd
import pytest

from headrace.stats.category import category_text, category_texts


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("21", "21"),
        (21, "21"),
        (21.0, "21"),
        (np.float32(21), "21"),
        (np.int8(-1), "-1"),
        (2**70, str(2**70)),
        (True, "True"),
        ("01", "01"),
        (Decimal(3), "3"),
        (1.5, None),
        (float("inf"), None),
        (float("nan"), None),
    ],
)
def test_a_value_has_one_text(value, text):
    assert text == category_text(value)


def test_a_column_has_the_texts_of_its_values():
    texts, none = category_texts(pd.Series([1, "1", 1.0, None, 1.5, float("nan")], dtype="object"))
    assert (["1", "1", "1", None, "1.5", None], [False, False, False, False, True, False]) == (texts.tolist(), none.tolist())
