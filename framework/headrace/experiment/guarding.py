"""Whether a guardrail's margin is kept, by the design's own bounds."""

from __future__ import annotations

from dataclasses import replace
from math import inf, isfinite
from typing import TYPE_CHECKING, Any

from headrace.experiment import design
from headrace.experiment.analysis import Comparison, Finding
from headrace.experiment.design import Look
from headrace.experiment.observed import Metric
from headrace.experiment.strata import Pair
from headrace.stats import non_inferiority
from headrace.stats.anytime_quantile import Histogram
from headrace.stats.confidence_sequence import LEAST_OF_A_KIND, LEAST_UNITS, warming_up
from headrace.stats.non_inferiority import Guarded, Worse
from headrace.stats.proportions import Proportion
from headrace.stats.untestable import UntestableError

if TYPE_CHECKING:
    from headrace.experiment.declared import Guardrail

_FINDINGS: dict[str, Finding] = {"pass": "within", "fail": "worse", "inconclusive": "undecided"}


def guarded(guardrail: Guardrail, about: Metric, both: Pair | None, shell: Comparison, look: Look, alpha: float) -> Comparison:  # noqa: PLR0917 - what a comparison is made of
    """A guardrail of one arm: `within` its margin, `worse`, or neither yet. What cannot be computed is never within."""
    one = replace(shell, role="guardrail")
    if both is None:
        return one
    margin = guardrail.worse_by_at_most
    worse: Worse = "lower" if about.better == "higher" else "higher"
    try:
        if isinstance(both.champion, Histogram) and isinstance(both.arm, Histogram):
            return _quantile(one, about, both.champion, both.arm, guardrail, look, alpha)
        judged = design.guard(look, both, margin=margin.value, relative=margin.relative, worse=worse, alpha=alpha)
    except UntestableError as why:
        return replace(one, finding="undecided", reason=str(why))
    bounds = _interval(judged, margin.value, relative=margin.relative, worse=worse)
    return replace(one, **bounds, **_finding(judged, both, look, str(margin)))


def _finding(judged: Guarded, both: Pair, look: Look, margin: str) -> dict[str, Any]:
    if not (look.design == "fixed" and look.final) and _young(both):
        return {"finding": "warming_up", "reason": f"an arm has fewer than {LEAST_UNITS} units, or {LEAST_OF_A_KIND} of each kind"}
    return {"finding": _FINDINGS[judged.outcome], "reason": _says(judged.outcome, margin)}


def _says(outcome: str, margin: str) -> str:
    says = {"pass": f"worse by less than {margin}", "fail": "worse than the champion", "inconclusive": f"not yet known within {margin}"}
    return says[outcome]


def _young(both: Pair) -> bool:
    """Whether an arm is too small: of shares within one epoch few are enough, since their bounds are Newcombe's."""
    if isinstance(both.champion, Proportion) and isinstance(both.arm, Proportion):
        return min(both.champion.n, both.arm.n) < LEAST_UNITS
    arms = both.small if both.small is not None else (both.champion, both.arm)
    return warming_up(*(arm for arm in arms if not isinstance(arm, Histogram)))


def _interval(judged: Guarded, margin: float, *, relative: bool, worse: Worse) -> dict[str, Any]:
    """The bounds of the difference in the metric's unit; of a relative margin the side beyond is of another difference, and not told."""
    high = None if relative or not isfinite(judged.beyond) else judged.beyond + margin
    low = judged.at_least if isfinite(judged.at_least) else None
    if worse == "higher":
        return {"difference": judged.worse_by, "low": low, "high": high}
    return {"difference": -judged.worse_by, "low": None if high is None else -high, "high": None if low is None else -low}


def _quantile(  # noqa: PLR0917 - what a comparison is made of
    one: Comparison, about: Metric, champion: Histogram, arm: Histogram, guardrail: Guardrail, look: Look, alpha: float
) -> Comparison:
    """Both arms' intervals, each missed with the chance alpha / 2: where they are far enough apart, or near enough, it is known.

    Of a quantile more is worse, as of a latency.
    """
    at = about.quantile or 0.5
    (low_c, high_c), (low_t, high_t) = (
        design.quantile_bounds(look, seen, at, planned=look.planned / 2, alpha=alpha / 2) for seen in (champion, arm)
    )
    margin = guardrail.worse_by_at_most
    room = margin.value * low_c if margin.relative else margin.value
    least = low_t - high_c if isfinite(low_t) and isfinite(high_c) else -inf
    beyond = high_t - low_c - room if isfinite(high_t) and isfinite(low_c) else inf
    outcome = non_inferiority.outcome(least, beyond)
    low, high = (bound if isfinite(bound) else None for bound in (least, high_t - low_c))
    return replace(one, low=low, high=high, finding=_FINDINGS[outcome], reason=_says(outcome, str(margin)))
