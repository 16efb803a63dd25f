"""What all comparisons of a look say together, and in which words."""

from __future__ import annotations

from collections.abc import Sequence

from headrace.experiment.analysis import Comparison, Verdict
from headrace.experiment.observed import Observed

_Concluded = tuple[Verdict, str | None, str]
_ORDER: tuple[Verdict, ...] = ("undecided", "warming_up", "no_data", "guardrail", "lose")


def concluded(found: Sequence[Comparison], arms: Sequence[str], primary: Sequence[str], observed: Observed) -> _Concluded:
    """The verdict, the arm that has won, and why.

    An arm wins where a primary metric is better, none is worse, and every guardrail is within its margin; of several that do, the one
    that is ahead in the first primary metric. Where none has won, the whole is what its arms say that may still win: it is lost, or a
    guardrail is broken, where that is so of every arm.
    """
    each = {arm: _arm([one for one in found if one.arm == arm and one.segment is None]) for arm in arms}
    won = [arm for arm in arms if each[arm][0] == "win"]
    if won:
        best = max(won, key=lambda arm: _ahead(found, arm, primary[0], observed))
        return "win", best, each[best][1]
    if not arms:
        return "no_data", None, "no arm stands beside the champion"
    verdict = min((each[arm][0] for arm in arms), key=_ORDER.index)
    said = [f"{arm}: {each[arm][1]}" if len(arms) > 1 else each[arm][1] for arm in arms if each[arm][0] == verdict]
    return verdict, None, "; ".join(said)


def _arm(found: Sequence[Comparison]) -> tuple[Verdict, str]:  # noqa: PLR0911 - one return a verdict
    arm = found[0].arm if found else ""
    primary = [one for one in found if one.role == "primary"]
    rails = [one for one in found if one.role == "guardrail"]
    broken = [one for one in rails if one.finding == "worse"]
    if broken:
        return "guardrail", f"{arm} is worse on the guardrail {_told(broken[0])}"
    if worse := [one for one in primary if one.finding == "worse"]:
        return "lose", f"{arm} is worse on {_told(worse[0])}"
    if silent := [one for one in primary if one.finding == "no_data"]:
        return "no_data", f"{silent[0].metric}: {silent[0].reason}"
    better = [one for one in primary if one.finding == "better"]
    open_ = [one for one in rails if one.finding != "within"]
    if better and not open_:
        kept = ", and every guardrail is within its margin" if rails else ""
        return "win", f"{arm} is better on {_told(better[0])}{kept}"
    if better:
        return (
            "undecided",
            f"{arm} is better on {better[0].metric}, and the guardrail {open_[0].metric} is not known to hold: {open_[0].reason}",
        )
    if waiting := [one for one in primary if one.finding == "warming_up"]:
        return "warming_up", f"{waiting[0].metric}: {waiting[0].reason}"
    first = primary[0] if primary else None
    return "undecided", "no primary metric" if first is None else f"{first.metric}: {first.reason or 'no difference is found yet'}"


def _told(one: Comparison) -> str:
    if one.difference is None:
        return one.metric
    bounds = "" if one.low is None or one.high is None else f" ({one.low:+.4g} to {one.high:+.4g})"
    return f"{one.metric} by {one.difference:+.4g}{bounds}"


def _ahead(found: Sequence[Comparison], arm: str, metric: str, observed: Observed) -> float:
    sign = 1.0 if observed.metrics[metric].better == "higher" else -1.0
    return next((sign * (one.difference or 0.0) for one in found if one.arm == arm and one.metric == metric and one.segment is None), 0.0)
