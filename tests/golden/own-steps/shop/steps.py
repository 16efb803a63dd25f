"""Steps that the spec beside names."""

import pandas as pd


def clean_up(rows: pd.DataFrame) -> pd.DataFrame:
    """All rows."""
    return rows


def balance(rows: pd.DataFrame, *, share: float) -> pd.DataFrame:
    """A share of the training rows."""
    return rows[(rows["side"] == "holdout") | (rows.index % 100 < share * 100)]
