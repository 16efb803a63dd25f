"""One look at an experiment: each metric of each arm beside the champion's, corrected for how many there are, and what follows."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from math import fsum, inf, isfinite
from typing import TYPE_CHECKING, Any

from headrace.experiment import design
from headrace.experiment.analysis import Analysis, Comparison, Role
from headrace.experiment.design import Look, Told
from headrace.experiment.guarding import guarded
from headrace.experiment.observed import Cell, Metric, Observed, Seen, merged, units
from headrace.experiment.planned import planned_units
from headrace.experiment.strata import Pair, pair
from headrace.experiment.verdict import concluded
from headrace.stats import multiplicity, sample_ratio
from headrace.stats.anytime_quantile import Histogram
from headrace.stats.confidence_sequence import LEAST_OF_A_KIND, LEAST_UNITS, warming_up
from headrace.stats.effect import Estimate
from headrace.stats.proportions import Proportion
from headrace.stats.sample_ratio import Arrivals
from headrace.stats.untestable import UntestableError

if TYPE_CHECKING:
    from headrace.experiment.declared import Declared

CHAMPION = "champion"
_ANY = 10_000.0
"""So many units a sequence is narrowest at where nothing says how many are planned; it holds whatever the number."""
_Sums = Mapping[tuple[str, str, str | None], Mapping[int, Seen]]
"""By metric, arm and segment: what was seen in each epoch."""


def analyse(declared: Declared, observed: Observed, at: datetime) -> Analysis:
    """What one look says, of sums alone: no store, no clock.

    Primary metrics, one comparison for each arm, share alpha by Holm's procedure; secondary ones are told by Benjamini and Hochberg's;
    guardrails pass or break each by itself, since a win needs all of them. Units that do not arrive at their shares make the whole
    `invalid`. Sums of parts, in any order, say what the sums of all say. KeyError where a metric was not looked at: that is no zero.
    """
    sums, arms = _summed(observed.cells), [name for name in declared.arms if name != CHAMPION]
    planned = planned_units(declared)
    information = _information(declared, sums, planned, observed)
    looks = {arm: _look(declared, observed, information, planned, arm) for arm in arms}
    primary = _primaries(declared, observed, sums, looks)
    found = [
        *primary,
        *_secondaries(declared, observed, sums, looks),
        *(
            guarded(one, *_shown(observed, sums, one.metric, arm), looks[arm], declared.alpha)
            for one in declared.guardrails
            for arm in arms
        ),
        *_segments(declared, observed, sums, looks),
    ]
    verdict, winner, reason = concluded(found, arms, [one.metric for one in declared.primary], observed)
    arrivals = _arrivals(observed)
    evidence = sample_ratio.evidence(arrivals)
    if wrong := _wrong_shares(arrivals, evidence, final=observed.final):
        verdict, winner, reason = "invalid", None, wrong
    return Analysis(
        at=at,
        verdict=verdict,
        winner=winner,
        reason=reason,
        information=min(1.0, information),
        units={name: sum(by.get(name, 0) for by in observed.arrived.values()) for name in declared.arms},
        sample_ratio=evidence,
        comparisons=tuple(found),
    )


def _summed(cells: Sequence[Cell]) -> _Sums:
    found: dict[tuple[str, str, str | None], dict[int, Seen]] = {}
    for cell in cells:
        by_epoch = found.setdefault((cell.metric, cell.arm, cell.segment), {})
        by_epoch[cell.epoch] = merged(by_epoch.get(cell.epoch), cell.seen)
    return found


def _information(declared: Declared, sums: _Sums, planned: float, observed: Observed) -> float:
    """The share of the planned units whose primary metric is known, of the one that is known of the fewest; it never falls."""
    known = [
        sum(units(seen) for arm in declared.arms for seen in sums.get((one.metric, arm, None), {}).values()) for one in declared.primary
    ]
    return max([min(known, default=0) / planned, *observed.looks[-1:]])


def _look(declared: Declared, observed: Observed, information: float, planned: float, arm: str) -> Look:
    both = declared.arms[CHAMPION] + declared.arms[arm]
    looks = tuple(t for t in observed.looks if t > 0)
    return Look(declared.design, (*looks, information), planned * both if planned < inf else _ANY, observed.final)


def _shown(observed: Observed, sums: _Sums, metric: str, arm: str, segment: str | None = None) -> tuple[Metric, Pair | None, Comparison]:
    """A metric as it is declared, both arms where they can be compared, and a comparison with what is known of them."""
    about = observed.metrics[metric]
    champion, other = (sums.get((metric, name, segment), {}) for name in (CHAMPION, arm))
    shell = Comparison(
        metric=metric,
        role="secondary",
        arm=arm,
        segment=segment,
        n_champion=sum(map(units, champion.values())),
        n_arm=sum(map(units, other.values())),
        finding="no_data",
    )
    if about.stale:
        return about, None, replace(shell, reason=about.stale)
    try:
        both = pair(champion, other)
    except UntestableError as why:
        return about, None, replace(shell, reason=f"nothing can be said: {why}")
    return about, both, replace(shell, **_values(both), finding="undecided")


def _values(both: Pair) -> dict[str, Any]:
    if isinstance(both.champion, Histogram) or isinstance(both.arm, Histogram):
        return {}
    champion, value = (arm.rate if isinstance(arm, Proportion) else arm.value for arm in (both.champion, both.arm))
    return {"champion": champion, "value": value, "difference": value - champion}


def _primaries(declared: Declared, observed: Observed, sums: _Sums, looks: Mapping[str, Look]) -> list[Comparison]:
    """Holm's procedure: each comparison at alpha by how many are left, as long as one at least is decisive at that.

    In groups a comparison is decisive where it crosses the boundary of its level (Maurer and Bretz 2013, "Multiple testing in group
    sequential trials using graphical approaches"); where a design has p-values, they say the same.
    """
    all_shown = [(one.metric, arm, *_shown(observed, sums, one.metric, arm)) for one in declared.primary for arm in looks]
    told: dict[int, Told | str] = {}
    left = set(range(len(all_shown)))
    while left:
        level = declared.alpha / len(left)
        for place in left:
            told[place] = _test(looks[all_shown[place][1]], all_shown[place][3], level)
        crossed = {place for place in left if isinstance(found := told[place], Told) and found.decisive}
        if not crossed:
            break
        left -= crossed
    return list(_adjusted("primary", [(shown, told[place], looks[shown[1]]) for place, shown in enumerate(all_shown)]))


def _secondaries(declared: Declared, observed: Observed, sums: _Sums, looks: Mapping[str, Look]) -> list[Comparison]:
    """Each at alpha; which of them differ is said by their q-values, where the design has p-values, and else at their own boundary."""
    if not declared.secondary:
        return []
    level = declared.alpha / max(1, len(declared.secondary) * len(looks)) if declared.design == "group_sequential" else declared.alpha
    shown = [(name, arm, *_shown(observed, sums, name, arm)) for name in declared.secondary for arm in looks]
    return list(_adjusted("secondary", [(one, _test(looks[one[1]], one[3], level), looks[one[1]]) for one in shown], alpha=level))


def _segments(declared: Declared, observed: Observed, sums: _Sums, looks: Mapping[str, Look]) -> Iterator[Comparison]:
    """The same in each segment, to be looked at: nothing is decided by them."""
    decided = [one.metric for one in declared.primary]
    for metric, arm, segment in sorted(key for key in sums if key[2] is not None and key[0] in decided and key[1] in looks):
        _, both, shell = _shown(observed, sums, metric, arm, segment)
        told = _test(looks[arm], both, declared.alpha)
        yield replace(_filled(replace(shell, role="primary"), told), reason=shell.reason or "of a segment: nothing is decided by it")


def _test(look: Look, both: Pair | None, alpha: float) -> Told | str:
    """What a design says of both arms, or why it says nothing."""
    if both is None:
        return ""
    if isinstance(both.champion, Histogram):
        return "a quantile is a guardrail, and decides nothing"
    if look.design == "group_sequential" and not look.information[-1] > 0:
        return "none of the planned units is known yet"
    try:
        return design.test(look, both, alpha=alpha)
    except UntestableError as why:
        return str(why)


def _adjusted(
    role: Role, found: Sequence[tuple[tuple[str, str, Metric, Pair | None, Comparison], Told | str, Look]], *, alpha: float | None = None
) -> Iterator[Comparison]:
    """Comparisons with what was found of each; `alpha` is given where q-values say it."""
    ps = [told.p if isinstance(told, Told) and told.p is not None else 1.0 for _, told, _ in found]
    correct = multiplicity.holm if alpha is None else multiplicity.benjamini_hochberg
    for ((_, _, about, both, shell), told, look), adjusted in zip(found, correct(ps), strict=True):
        one = _filled(replace(shell, role=role), told)
        if not isinstance(told, Told):
            yield replace(one, reason=one.reason or told)
            continue
        if told.p is not None:
            one = replace(one, adjusted=adjusted)
        decisive = told.decisive if alpha is None or told.p is None else adjusted <= alpha
        yield replace(one, **_found(about, both, told, look, decisive=decisive))


def _found(about: Metric, both: Pair | None, told: Told, look: Look, *, decisive: bool) -> dict[str, Any]:
    chance = f"the arm's is the higher with a chance of {told.chance:.1%}; not safe under peeking" if told.chance is not None else ""
    if look.design in {"group_sequential", "always_valid"} and both is not None and _small(both):
        return {"finding": "warming_up", "reason": f"an arm has fewer than {LEAST_UNITS} units, or {LEAST_OF_A_KIND} of each kind"}
    if not look.settles:
        return {"finding": "undecided", "reason": chance or f"the design `{look.design}` decides at the end alone"}
    if not decisive:
        return {"finding": "undecided", "reason": chance or "no difference is found yet"}
    return {"finding": "better" if (told.difference > 0) == (about.better == "higher") else "worse", "reason": chance}


def _small(both: Pair) -> bool:
    arms = both.small if both.small is not None else (both.champion, both.arm)
    # An arm all of whose units are alike has no variance yet: that is no certainty.
    if any(isinstance(arm, Estimate) and arm.variance == 0 for arm in arms):
        return True
    return warming_up(*(arm for arm in arms if not isinstance(arm, Histogram)))


def _filled(shell: Comparison, told: Told | str) -> Comparison:
    if not isinstance(told, Told):
        return shell
    low, high = (bound if isfinite(bound) else None for bound in (told.low, told.high))
    return replace(shell, difference=told.difference, low=low, high=high, p=told.p)


def _arrivals(observed: Observed) -> list[Arrivals]:
    """Units by epoch, each epoch's shares those among the arms of the experiment."""
    found = []
    for epoch, shares in sorted(observed.shares.items()):
        whole, counts = fsum(shares.values()), observed.arrived.get(epoch, {})
        if whole > 0 and counts:
            names = sorted(shares)
            found.append(Arrivals(tuple(shares[name] / whole for name in names), tuple(counts.get(name, 0) for name in names)))
    return found


def _wrong_shares(arrivals: Sequence[Arrivals], evidence: float, *, final: bool) -> str:
    """Why nothing may be decided by these units; empty where they arrive as they were dealt."""
    if evidence >= sample_ratio.ALARM:
        return f"units do not arrive at the shares that were set (evidence e^{evidence:.1f}, alarm at 1000): nothing is decided by them"
    if not final:
        return ""
    try:
        p = sample_ratio.final_p(arrivals)
    except UntestableError:
        return ""
    if p < sample_ratio.FINAL_ALPHA:
        return f"units did not arrive at the shares that were set (chi-square, p = {p:.2g}): nothing is decided by them"
    return ""
