"""What a plan says of a rollout that has not begun: what its traffic can decide, how soon, and how often it would err."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from headrace.plan import told

_HOURS, _MINUTES = 24, 24 * 60
_FEW = 2
"""Fewer of a unit of time than this are told in the next smaller one."""


def rollout(found: Mapping[str, Any]) -> Iterator[str]:
    """The lines of one forecast, as JSON."""
    verdict = "enough" if found["enough"] else "too few: a rollout could not decide"
    yield (
        f"    model/{found['model']}: its traffic gives a candidate {told.counted(found['requests'], 'request')} over all steps;"
        f" {found['needed']} without a failure {'is' if found['needed'] == 1 else 'are'} needed: {verdict}"
    )
    expected = found["expected"]
    if expected is None:
        return
    rates = ", ".join(f"{metric} {share(rate)}" for metric, rate in expected["rates"].items())
    harm, equal = expected["harm"], expected["equal"]
    yield f"      {expected['runs']} simulated rollouts of each candidate, where the champion's rates are {rates} (assumed):"
    after = f", after about {harm['requests']['median']:,.0f} of its requests, {_spread(harm['days'])}" if harm["requests"] else ""
    yield f"      {expected['times']:g}x {expected['metric']} is rolled back for harm in {share(harm['share'])} of rollouts{after}"
    after = f", after {_spread(equal['days'])}" if equal["days"] else ""
    errors = ", ".join(
        f"{word.replace('_', ' ')} {share(expected[word]['measured'])} of {share(expected[word]['allowed'])} allowed"
        for word in ("false_rollback", "false_promotion")
    )
    yield f"      an equal candidate is promoted in {share(equal['share'])}{after}; {errors}"
    if found["days"] is not None:
        yield f"      a candidate without a failure is promoted after {time(found['days'])}"


def share(value: float) -> str:
    """`5%`, `0.25%`."""
    return f"{value * 100:.3g}%"


def time(days: float) -> str:
    """`1.8 d`, `43 h`, `12 min`: about so long."""
    if days >= _FEW:
        return f"{days:.2g} d"
    if days * _HOURS >= _FEW:
        return f"{days * _HOURS:.2g} h"
    return f"{days * _MINUTES:.2g} min"


def _spread(days: Mapping[str, float]) -> str:
    return f"{time(days['median'])} (p90 {time(days['p90'])})"
