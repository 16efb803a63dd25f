"""A step of the golden case's own."""

from __future__ import annotations

import pandas as pd


def clean(rows: pd.DataFrame) -> pd.DataFrame:
    """Rows without those of no page."""
    return rows[rows["pages"] > 0]
