"""One row of a table: what was simulated, with the simulation's own error, beside its bound."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.stats import beta, binom


@dataclass(frozen=True)
class Row:
    name: str
    found: Mapping[str, Any]
    kept: bool

    def shown(self) -> dict[str, Any]:
        return {"row": self.name, **self.found, "kept": self.kept}


def at_most(name: str, hits: int, runs: int, bound: float) -> Row:
    """A rate of errors: its lower 99 % limit must not exceed the bound."""
    low, high = limits(hits, runs)
    return Row(name, {"rate": hits / runs, "low99": low, "high99": high, "at_most": bound, "runs": runs}, kept=low <= bound)


def surely_at_most(name: str, hits: int, runs: int, bound: float) -> Row:
    """A rate of errors whose upper 99 % limit must not exceed the bound."""
    low, high = limits(hits, runs)
    return Row(name, {"rate": hits / runs, "low99": low, "high99": high, "surely_at_most": bound, "runs": runs}, kept=high <= bound)


def at_least(name: str, hits: int, runs: int, bound: float) -> Row:
    """A rate of successes, which must reach the bound itself."""
    low, high = limits(hits, runs)
    return Row(name, {"rate": hits / runs, "low99": low, "high99": high, "at_least": bound, "runs": runs}, kept=hits / runs >= bound)


def requests(name: str, needed: np.ndarray, median: float, ninth: float | None = None) -> Row:
    """Canary requests until a decision, infinite where none came: median and ninth decile."""
    ordered, n = np.sort(needed), len(needed)
    places = [int(np.clip(binom.ppf(q, n, 0.5), 0, n - 1)) for q in (0.005, 0.995)]
    found = {"median": float(np.median(ordered)), "p90": float(np.quantile(ordered, 0.9, method="higher"))}
    found |= {
        "median_low99": float(ordered[places[0]]),
        "median_high99": float(ordered[places[1]]),
        "decided": float(np.isfinite(ordered).mean()),
    }
    kept = found["median"] <= median and (ninth is None or found["p90"] <= ninth)
    return Row(name, {**found, "at_most": [median, ninth], "runs": n}, kept=kept)


def limits(hits: int, runs: int) -> tuple[float, float]:
    low = float(beta.ppf(0.01, hits, runs - hits + 1)) if hits else 0.0
    high = float(beta.ppf(0.99, hits + 1, runs - hits)) if hits < runs else 1.0
    return round(low, 5), round(high, 5)
