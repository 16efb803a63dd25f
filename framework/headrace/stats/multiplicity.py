"""Several tests at once: what each p or e-value is still worth among the others; the standard library alone."""

from __future__ import annotations

from collections.abc import Sequence
from math import isnan, log

from headrace.stats.effect import checked_alpha


def holm(p: Sequence[float]) -> list[float]:
    """Each p as it stands among so many tests: any that is at most alpha is wrong with a chance of at most alpha, all of them together.

    For several primary metrics. Source: Holm (1979), "A simple sequentially rejective multiple test procedure". ValueError where one is
    no p.
    """
    found, worst = [0.0] * len(p), 0.0
    for place, at in enumerate(sorted(range(len(p)), key=_checked(p).__getitem__)):
        worst = max(worst, min(1.0, (len(p) - place) * p[at]))
        found[at] = worst
    return found


def benjamini_hochberg(p: Sequence[float]) -> list[float]:
    """q-values of p-values: of those at or below q a share of at most q is expected to be wrong.

    For secondary metrics, at one look. Source: Benjamini and Hochberg (1995), theorem 1. ValueError where one is no p.
    """
    found, least = [0.0] * len(p), 1.0
    for place, at in enumerate(sorted(range(len(p)), key=_checked(p).__getitem__, reverse=True)):
        least = min(least, p[at] * len(p) / (len(p) - place))
        found[at] = least
    return found


def e_benjamini_hochberg(log_e: Sequence[float], *, alpha: float) -> list[bool]:
    """Which of m e-values, given as natural logarithms, speak loud enough: of these a share of at most alpha is expected to be wrong.

    The k largest, for the largest k whose k-th is at least m / (alpha k). Valid under any dependence and, with e-processes, at any look.
    Source: Wang and Ramdas (2022), "False discovery rate control with e-values", section 3. ValueError where one is not a number.
    """
    if any(isnan(value) for value in log_e):
        raise ValueError("an e-value is not a number")
    m, checked = len(log_e), checked_alpha(alpha)
    ordered = sorted(log_e, reverse=True)
    loud = [k for k, value in enumerate(ordered, start=1) if value >= log(m / (checked * k))]
    return [bool(loud) and value >= ordered[loud[-1] - 1] for value in log_e]


def _checked(p: Sequence[float]) -> Sequence[float]:
    if wrong := [value for value in p if not 0 <= value <= 1]:
        raise ValueError(f"{wrong[0]} is no p-value")
    return p
