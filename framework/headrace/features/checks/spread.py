"""How far two columns are spread in different ways: over the bins that monitoring counts in, or by their distributions."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from headrace.compiled import CheckConfig
from headrace.features.checks.query import Looked
from headrace.features.checks.trained import Had, column
from headrace.features.sql.word import name
from headrace.spec.source import TEXTS

if TYPE_CHECKING:
    import duckdb
    import numpy as np
    from numpy.typing import NDArray


def spread(con: duckdb.DuckDBPyConnection, item: CheckConfig, of: Looked, had: Had | None = None) -> float | None:
    """PSI, the Jensen-Shannon distance (base 2), or the Kolmogorov-Smirnov distance to the reference; None where a side has no value.

    The reference fixes the bins: 20 of its quantiles, or its values. What it never showed and what is missing are bins of their own; the
    Kolmogorov-Smirnov distance passes over what is missing.
    """
    text = of.types.get(item.column or "") in TEXTS
    if had is not None:
        return _to_training(con, item, of, had)
    ours, theirs = of.relation, of.others[item.other or ""]
    if text:
        counts = _by_value(con, (theirs, item.other_column or ""), (ours, item.column or ""))
        return _of_counts(item.text or "", *counts)
    reference, current = _numbers(con, theirs, item.other_column or ""), _numbers(con, ours, item.column or "")
    if item.text == "ks":
        return _ks(reference, current)
    import pandas as pd

    from headrace.stats import bins

    made = bins.profile({"x": "number"}, pd.DataFrame({"x": reference}))
    return _of_counts(item.text or "", made.reference()["x"], bins.count(made, pd.DataFrame({"x": current}))["x"])


def _to_training(con: duckdb.DuckDBPyConnection, item: CheckConfig, of: Looked, had: Had) -> float | None:
    import numpy as np

    from headrace.stats import bins

    frame = column(con, item, of)
    if item.text == "ks":
        return _ks(np.asarray(had.sample, dtype=np.float64), frame["x"].to_numpy(dtype=np.float64))
    return _of_counts(item.text or "", had.profile.reference()["x"], bins.count(had.profile, frame)["x"])


def _numbers(con: duckdb.DuckDBPyConnection, relation: str, column: str) -> NDArray[np.float64]:
    import numpy as np

    found: Any = con.execute(f"SELECT CAST({name(column)} AS DOUBLE) AS x FROM {relation}").fetchnumpy()["x"]
    return np.asarray(np.ma.filled(found.astype(np.float64), np.nan))


def _by_value(con: duckdb.DuckDBPyConnection, reference: tuple[str, str], current: tuple[str, str]) -> tuple[Any, Any]:
    """How many rows hold each value of the reference, any other, and none."""
    import numpy as np

    def counts(relation: str, column: str) -> dict[str | None, int]:
        return {value: int(n) for value, n in con.execute(f"SELECT {name(column)}, COUNT(*) FROM {relation} GROUP BY 1").fetchall()}

    before, now = counts(*reference), counts(*current)
    known = sorted(value for value in before if value is not None)
    other = sum(n for value, n in now.items() if value is not None and value not in before)
    first = [*(before[value] for value in known), 0, before.get(None, 0)]
    return np.array(first), np.array([*(now.get(value, 0) for value in known), other, now.get(None, 0)])


def _of_counts(measure: str, reference: NDArray[np.int64], current: NDArray[np.int64]) -> float | None:
    import numpy as np

    from headrace.stats.bins import psi

    if not reference.sum() or not current.sum():
        return None
    if measure == "psi":
        return psi(reference, current)
    p, q = reference / reference.sum(), current / current.sum()
    middle = (p + q) / 2

    def against(one: NDArray[np.float64]) -> float:
        some = one > 0
        return float(np.sum(one[some] * np.log2(one[some] / middle[some])))

    return float(np.sqrt(max(0.0, (against(p) + against(q)) / 2)))


def _ks(reference: NDArray[np.float64], current: NDArray[np.float64]) -> float | None:
    import numpy as np

    first, second = (np.sort(values[~np.isnan(values)]) for values in (reference, current))
    if not len(first) or not len(second):
        return None
    at = np.concatenate([first, second])
    return float(np.abs(np.searchsorted(first, at, "right") / len(first) - np.searchsorted(second, at, "right") / len(second)).max())
