"""A look at a candidate that the spec beside names."""

import pandas as pd

from headrace.steps import Candidate


def by_hand(candidate: Candidate, held: pd.DataFrame) -> dict[str, float]:
    """What is noted."""
    return {"number": float(candidate.number), "mean": float(held["prediction"].mean())}
