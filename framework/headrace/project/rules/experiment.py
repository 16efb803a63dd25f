"""An experiment deals its units once, has time for its answers, and can find what it looks for with the declared traffic."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Iterator
from datetime import timedelta

from headrace.address import Address, Path
from headrace.diagnostics import Diagnostic, Severity
from headrace.project.inputs import inputs, known
from headrace.project.rules.features import unknown_feature
from headrace.project.scope import Scope, address_of, question
from headrace.spec import Model
from headrace.spec.experiment import Experiment
from headrace.spec.quantity import Difference, write_duration
from headrace.spec.serving import Serving
from headrace.stats.power import Arm, detectable, detectable_rate, rate_arms, units_needed

CHAMPION, CANDIDATE, OUTSIDE = "champion", "candidate", "outside"
_DAY = timedelta(days=1)
_MOST_UNCERTAIN = 0.5


@question
def check(scope: Scope) -> Iterator[Diagnostic]:
    """All experiments, and those of one layer together."""
    for model in scope.of(Model):
        yield from _experiment(scope, model)
    yield from _layers(scope)


@question
def _experiment(scope: Scope, model: Model) -> Iterator[Diagnostic]:
    if model.experiment is None:
        return
    yield from _arms(scope, model, model.experiment)
    yield from _unit(scope, model, model.experiment)
    yield from _primary(scope, model, model.experiment)
    yield from _time(scope, model, model.experiment)
    yield from _power(scope, model, model.experiment)


@question
def _arms(scope: Scope, model: Model, experiment: Experiment) -> Iterator[Diagnostic]:
    here, path = address_of(model), ("experiment", "arms")
    lacking = [name for name in (CHAMPION, CANDIDATE) if name not in experiment.arms]
    if lacking:
        message = f"the experiment has no arm `{lacking[0]}`: it compares a candidate with the champion"
        yield Diagnostic("experiment-arms", message, scope.where(here, path, key=True), help=f"write `{lacking[0]}: 50%` among the arms")
    for name, share in experiment.arms.items():
        if name == OUTSIDE:
            message = f"`{OUTSIDE}` is the arm of those who take no part"
            yield Diagnostic("experiment-arms", message, scope.where(here, (*path, name), key=True), help="name another alias")
        elif share == 0:
            message = f"the arm `{name}` has 0%: nobody would be its"
            yield Diagnostic("experiment-arms", message, scope.where(here, (*path, name)), help="give it a share, or remove it")
    yield from whole_shares(scope, here, path, experiment.arms.values())


@question
def whole_shares(scope: Scope, address: Address, path: Path, shares: Iterable[float]) -> Iterator[Diagnostic]:
    """Shares that are dealt add up to the whole."""
    total = math.fsum(shares)
    if not math.isclose(total, 1, abs_tol=1e-9):
        message = f"the shares of `{path[-1]}` add up to {total * 100:g}%: together they are 100%"
        yield Diagnostic("shares-not-whole", message, scope.where(address, path, key=True), help="write shares that add up to 100%")


@question
def _unit(scope: Scope, model: Model, experiment: Experiment) -> Iterator[Diagnostic]:
    names = [model.features.entity, *(item.name for item in inputs(scope, model))]
    if experiment.unit not in names and known(scope, model):
        yield unknown_feature(scope, address_of(model), ("experiment", "unit"), experiment.unit, names)
    elif model.rollout is not None and experiment.unit != model.rollout.unit:
        message = (
            f"the rollout deals by `{model.rollout.unit}` and the experiment by `{experiment.unit}`: units would change arms between them"
        )
        place, other = (scope.where(address_of(model), (section, "unit")) for section in ("experiment", "rollout"))
        yield Diagnostic("experiment-unit", message, place, help=f"write `unit: {model.rollout.unit}`", related=(other,))


@question
def _primary(scope: Scope, model: Model, experiment: Experiment) -> Iterator[Diagnostic]:
    primary, path = experiment.primary, ("experiment", "primary")
    given = [word for word in ("baseline", "mean", "deviation") if getattr(primary, word) is not None]
    if "baseline" in given and len(given) > 1:
        message = f"`primary` has `baseline`, of a rate, and `{given[1]}`, of a mean"
        place = scope.where(address_of(model), (*path, given[1]), key=True)
        yield Diagnostic("primary-value", message, place, help="remove one of them")
    elif len(given) == 1 and given != ["baseline"]:
        lacks = "mean" if given == ["deviation"] else "deviation"
        place = scope.where(address_of(model), (*path, given[0]), key=True)
        message = f"`{given[0]}` says nothing without `{lacks}`"
        yield Diagnostic("primary-value", message, place, help=f"write `{lacks}` too, or `baseline` for a rate")


@question
def _time(scope: Scope, model: Model, experiment: Experiment) -> Iterator[Diagnostic]:
    here, delay = address_of(model), model.features.target.delay
    if experiment.for_ <= delay:
        lasts, known_after = write_duration(experiment.for_), write_duration(delay)
        message = f"the experiment ends after {lasts}, and an answer is known after {known_after}: it would end without one"
        related = (scope.where(here, ("features", "target", "delay")),)
        mend = f"write more than `for: {known_after}`"
        yield Diagnostic("experiment-too-short", message, scope.where(here, ("experiment", "for")), help=mend, related=related)
    elif experiment.looks > experiment.for_:
        message = f"a first look after {write_duration(experiment.looks)} comes when the experiment is over"
        mend = f"write at most `looks: {write_duration(experiment.for_)}`"
        yield Diagnostic("experiment-too-short", message, scope.where(here, ("experiment", "looks")), help=mend)


@question
def _power(scope: Scope, model: Model, experiment: Experiment) -> Iterator[Diagnostic]:
    """Each request counted as another unit, with one look at the end: what is not enough here is not enough in any design."""
    days = (experiment.for_ - model.features.target.delay) / _DAY
    if not isinstance(model.serving, Serving) or model.serving.traffic is None or days <= 0:
        return
    daily = model.serving.traffic * experiment.coverage * (1 - (experiment.holdout or 0))
    found = _needed(experiment, daily * days)
    if found is None or found[0] <= daily * days or daily <= 0:
        return
    needed, least = found
    here = address_of(model)
    instead = f", or detect {least}" if least is not None else ""
    message = (
        f"{daily:,.0f} requests a day cannot detect {experiment.primary.detect} in {days:g}d: "
        f"{math.ceil(needed / daily):,} days are needed{instead}"
    )
    yield Diagnostic(
        "underpowered-experiment",
        message,
        scope.where(here, ("experiment", "primary", "detect")),
        help="let it last longer, raise `coverage`, or look for a larger difference",
        severity=Severity.WARNING,
        related=(scope.where(here, ("serving", "traffic")), scope.where(here, ("experiment", "for"))),
    )


def _needed(experiment: Experiment, units: float) -> tuple[float, Difference | None] | None:
    """The units that are needed, and the difference that `units` find, rounded up; None where the base value is unknown."""
    primary, shares = experiment.primary, (experiment.arms.get(CHAMPION, 0.0), experiment.arms.get(CANDIDATE, 0.0))
    if not all(0 < share < 1 for share in shares):
        return None
    alpha, wanted = experiment.alpha, experiment.power
    if primary.mean is not None and primary.deviation is not None:
        base = primary.mean
        arms = (Arm(shares[0], primary.deviation), Arm(shares[1], primary.deviation))
        least = detectable(arms, units, alpha=alpha, power=wanted)
    elif primary.detect.relative and primary.baseline is None:
        return None
    else:
        base = primary.baseline if primary.baseline is not None else _MOST_UNCERTAIN
        if primary.detect.of(base) > max(base, 1 - base):
            return None
        arms = rate_arms(base, primary.detect.of(base), shares)
        least = detectable_rate(base, shares, units, alpha=alpha, power=wanted)
    needed = units_needed(primary.detect.of(base), arms, alpha=alpha, power=wanted)
    found = least / abs(base) if primary.detect.relative and base else least
    return needed, Difference(math.ceil(found * 1000) / 1000, primary.detect.relative) if math.isfinite(found) else None


@question
def _layers(scope: Scope) -> Iterator[Diagnostic]:
    layers: dict[str, list[tuple[Model, Experiment]]] = defaultdict(list)
    for model in scope.of(Model):
        if model.experiment is not None and model.experiment.layer is not None:
            layers[model.experiment.layer].append((model, model.experiment))
    for name, members in layers.items():
        yield from _one_unit(scope, name, members)
        taken = 0.0
        held = max(experiment.holdout or 0 for _, experiment in members)
        for model, experiment in members:
            taken += experiment.coverage
            if taken > 1 - held + 1e-9:
                told = f"{taken * 100:g}% and a holdout of {held * 100:g}%" if held else f"{taken * 100:g}%"
                first, path = members[0][0], ("experiment", "coverage")
                related = (scope.where(address_of(first), path),) if first is not model else ()
                message = f"the experiments of layer `{name}` cover {told} of the units, and exclude each other: there are only 100%"
                place = scope.where(address_of(model), path)
                yield Diagnostic("layer-conflict", message, place, help="lower a `coverage`, or use another layer", related=related)


@question
def _one_unit(scope: Scope, layer: str, members: list[tuple[Model, Experiment]]) -> Iterator[Diagnostic]:
    first, chosen = members[0]
    for model, experiment in members[1:]:
        if experiment.unit != chosen.unit:
            message = (
                f"layer `{layer}` deals {address_of(first)} by `{chosen.unit}`, and this by `{experiment.unit}`: neither excludes the other"
            )
            place, other = (scope.where(address_of(m), ("experiment", "unit")) for m in (model, first))
            yield Diagnostic("layer-conflict", message, place, help="deal both by the same unit, or use another layer", related=(other,))
