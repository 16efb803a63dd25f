"""A rollout rises, its judge can judge, and with the declared traffic it can reach a decision."""

from __future__ import annotations

import math
from collections.abc import Iterator
from datetime import timedelta
from itertools import pairwise

from headrace.address import Address
from headrace.diagnostics import Diagnostic, Severity, Span
from headrace.project.inputs import ModelInput, inputs, known
from headrace.project.rules.features import unknown_feature
from headrace.project.scope import Scope, address_of, question
from headrace.spec import FeatureView, Model
from headrace.spec.quantity import write_duration
from headrace.spec.rollout import LOOK, Judge, Rollout, Step
from headrace.spec.serving import Serving
from headrace.spec.unknown import UNKNOWN
from headrace.stats.eprocess import needed_without_failures

_LOOKS = 3
"""How many looks a step needs at least, so that one that is late or missed leaves others."""


@question
def check(scope: Scope) -> Iterator[Diagnostic]:
    """All rollouts."""
    for model in scope.of(Model):
        yield from _rollout(scope, model)


def _where(scope: Scope, model: Model, *path: str | int, key: bool = False) -> Span:
    """Where a step stands; where a strategy made it, the parameters that it made it of."""
    here = address_of(model)
    if scope.node(here, ("rollout", "steps")) is None:
        given = "params" if scope.node(here, ("rollout", "params")) is not None else "strategy"
        return scope.where(here, ("rollout", given), key=given == "params")
    return scope.where(here, ("rollout", "steps", *path), key=key)


@question
def _goes_by(scope: Scope, model: Model, rollout: Rollout) -> Iterator[Diagnostic]:
    """`steps` beside a strategy that makes them, or none beside one that goes by them."""
    strategy = scope.plugins.strategies.get(rollout.strategy) if scope.plugins is not None else None
    written = scope.node(address_of(model), ("rollout", "steps")) is not None
    if strategy is None or strategy.steps is written:
        return
    if strategy.steps:
        message, place = (
            f"`{strategy.name}` goes by `steps`, and the rollout has none",
            scope.where(address_of(model), ("rollout", "strategy")),
        )
        help_ = "write for example `steps: [{weight: 10%, hold: 6h}]`"
    else:
        message, place = f"`{strategy.name}` makes the steps itself", scope.where(address_of(model), ("rollout", "steps"), key=True)
        help_ = "remove `steps`, or write `strategy: canary`"
    yield Diagnostic("rollout-steps", message, place, help=help_)


@question
def _rollout(scope: Scope, model: Model) -> Iterator[Diagnostic]:
    if model.rollout is None:
        return
    for ask in (_goes_by, _steps, _holds, _warming, _unseen, _bakes_lower, _bake, _unit, _only, _judges, _decides):
        yield from ask(scope, model, model.rollout)


@question
def _judges(scope: Scope, model: Model, rollout: Rollout) -> Iterator[Diagnostic]:
    for position, judge in enumerate(rollout.judge):
        yield from _over(scope, model, position, judge)
        yield from _judge(scope, model, position, judge)


@question
def _steps(scope: Scope, model: Model, rollout: Rollout) -> Iterator[Diagnostic]:
    for position in range(1, len(rollout.steps)):
        yield from _rises(scope, model, rollout, position)


@question
def _rises(scope: Scope, model: Model, rollout: Rollout, position: int) -> Iterator[Diagnostic]:
    before, here = rollout.steps[position - 1].weight, rollout.steps[position].weight
    if here <= before:
        place = _where(scope, model, position, "weight")
        message = f"step {position + 1} has a weight of {here * 100:g}%, and the one before {before * 100:g}%: weights rise"
        whole, alone = _rising(rollout.steps, whole=True), _rising(rollout.steps, whole=False)
        more = f"write more than {before * 100:g}%"
        swapped = f", or their weights alone, `{alone}`" if alone != whole else ""
        help_ = f"put the steps in rising order, `{whole}`{swapped}, or {more} here" if whole is not None else more
        yield Diagnostic("rollout-weights", message, place, help=help_)


def _rising(steps: tuple[Step, ...], *, whole: bool) -> str | None:
    """The same steps, or else their weights alone, in rising order; None where two are alike, or something could not be read."""
    known = [(getattr(step, "weight", UNKNOWN), getattr(step, "hold", UNKNOWN)) for step in steps]
    if any(part is UNKNOWN for step in known for part in step):
        return None
    found = sorted(known)
    if any(one[0] >= other[0] for one, other in pairwise(found)):
        return None
    holds = [hold for _, hold in (found if whole else known)]
    written = (f"{{weight: {weight * 100:g}%, hold: {write_duration(hold)}}}" for (weight, _), hold in zip(found, holds, strict=True))
    return f"[{', '.join(written)}]"


@question
def _holds(scope: Scope, model: Model, rollout: Rollout) -> Iterator[Diagnostic]:
    for position, step in enumerate(rollout.steps):
        yield from _held(scope, model, position, step)


@question
def _held(scope: Scope, model: Model, position: int, step: Step) -> Iterator[Diagnostic]:
    if step.hold < _LOOKS * LOOK:
        place = _where(scope, model, position, "hold")
        held, look = write_duration(step.hold), write_duration(LOOK)
        message = f"step {position + 1} holds for {held}, and a live rollout is looked at every {look}: it will last longer"
        help_ = f"write `hold: {write_duration(_LOOKS * LOOK)}` or more"
        yield Diagnostic("short-hold", message, place, help=help_, severity=Severity.WARNING)


@question
def _warming(scope: Scope, model: Model, rollout: Rollout) -> Iterator[Diagnostic]:
    """A first step that ends before its judge has seen anything."""
    if not rollout.steps:
        return
    here, first = address_of(model), rollout.steps[0]
    if rollout.warmup.for_ >= first.hold >= _LOOKS * LOOK:
        related = (scope.where(here, ("rollout", "warmup", "for")),)
        said = f"step 1 holds for {write_duration(first.hold)}, and the warm-up lasts {write_duration(rollout.warmup.for_)}"
        place = _where(scope, model, 0, "hold")
        mend = f"hold longer than {write_duration(rollout.warmup.for_)}"
        yield Diagnostic("short-hold", f"{said}: nothing of it is judged", place, help=mend, severity=Severity.WARNING, related=related)


@question
def _unseen(scope: Scope, model: Model, rollout: Rollout) -> Iterator[Diagnostic]:
    """A step that ends before what watches beside it has seen anything."""
    yield from _ends_unseen(scope, model, rollout, "no_data.after")
    if getattr(model, "monitoring", None) is not None:
        yield from _ends_unseen(scope, model, rollout, "monitoring.window")


@question
def _ends_unseen(scope: Scope, model: Model, rollout: Rollout, word: str) -> Iterator[Diagnostic]:
    window: timedelta | None = None
    if word == "no_data.after":
        window = rollout.no_data.after
    elif model.monitoring is not None:
        window = model.monitoring.window.every
    if window is None:
        return
    for position, step in enumerate(rollout.steps):
        hold = getattr(step, "hold", None)  # unknown where it could not be read
        if hold is not None and _LOOKS * LOOK <= hold < window:
            place = _where(scope, model, position, "hold")
            message = f"step {position + 1} holds for {write_duration(hold)}, and `{word}` is {write_duration(window)}: it ends unseen"
            mend = f"hold at least {write_duration(window)}, or shorten `{word}`"
            yield Diagnostic("short-hold", message, place, help=mend, severity=Severity.WARNING)


@question
def _bakes_lower(scope: Scope, model: Model, rollout: Rollout) -> Iterator[Diagnostic]:
    """A bake is a rise like any other."""
    bake = rollout.bake
    if bake is None or not rollout.steps:
        return
    last, share = rollout.steps[-1].weight, 1.0 - bake.holdback
    if share < last - 1e-9:
        message = f"the last step has a weight of {last * 100:g}%, and the bake leaves the candidate {share * 100:g}%: weights rise"
        # The default is no line of the spec.
        written = scope.node(address_of(model), ("rollout", "bake", "holdback")) is not None
        place = scope.where(address_of(model), ("rollout", "bake", "holdback") if written else ("rollout", "bake"))
        yield Diagnostic("rollout-weights", message, place, help=f"write `holdback: {(1.0 - last) * 100:g}%` or less")


@question
def _bake(scope: Scope, model: Model, rollout: Rollout) -> Iterator[Diagnostic]:
    """What a person goes back for in a bake are alerts, and an alert needs a whole window."""
    bake = rollout.bake
    if bake is None or model.monitoring is None:
        return
    window, length = model.monitoring.window, model.monitoring.window.every
    if length is None and window.rows is not None and isinstance(model.serving, Serving) and model.serving.traffic:
        length = timedelta(days=window.rows / model.serving.traffic)
    if length is not None and bake.for_ < length:
        about = write_duration(timedelta(hours=math.ceil(length / timedelta(hours=1))))
        message = f"the bake lasts {write_duration(bake.for_)}, and a window of `monitoring` about {about}: it ends before the first one"
        place = scope.where(address_of(model), ("rollout", "bake", "for"))
        related = (scope.where(address_of(model), ("monitoring", "window"), key=True),)
        yield Diagnostic("short-hold", message, place, help=f"write `for: {about}`", severity=Severity.WARNING, related=related)


@question
def _unit(scope: Scope, model: Model, rollout: Rollout) -> Iterator[Diagnostic]:
    if rollout.unit in {model.features.entity, model.features.group} or not known(scope, model):
        return
    names = [model.features.entity, *(item.name for item in inputs(scope, model))]
    views = (scope.get(FeatureView, Address("feature_view", name)) for name in model.features.use)
    # Where the model's entity is that of no view, this was said.
    if rollout.unit not in names and rollout.unit not in [getattr(view, "entity", None) for view in views]:
        yield unknown_feature(scope, address_of(model), ("rollout", "unit"), rollout.unit, names)


@question
def _only(scope: Scope, model: Model, rollout: Rollout) -> Iterator[Diagnostic]:
    """Whom it is tried on, by what a request says itself."""
    if not known(scope, model):
        return
    there = {item.name: item for item in inputs(scope, model)}
    for name, values in rollout.only.items():
        if name not in there:
            yield unknown_feature(scope, address_of(model), ("rollout", "only", name), name, list(there))
        else:
            yield from _admits(scope, model, there[name], values)
    if rollout.only and model.features.group is not None:
        place = scope.where(address_of(model), ("rollout", "only"), key=True)
        message = f"rows of one `{model.features.group}` are ranked together, and some of them would be tried without the others"
        yield Diagnostic("rollout-only", message, place, help="remove `only`")
    if rollout.only and model.experiment is not None:
        place = scope.where(address_of(model), ("rollout", "only"), key=True)
        message = "the experiment that follows deals to everybody, and the candidate was tried on some"
        yield Diagnostic("rollout-only", message, place, help="remove `only`, or `experiment`")


@question
def _admits(scope: Scope, model: Model, item: ModelInput, values: tuple[str | int | float, ...]) -> Iterator[Diagnostic]:
    here, path = address_of(model), ("rollout", "only", item.name)
    view = scope.get(FeatureView, Address("feature_view", item.view))
    if item.column is None and getattr(view, "online", None) is not None:
        message = f"`{item.name}` is read by the server, and a request does not say it: who takes part goes by what a request says"
        yield Diagnostic("rollout-only", message, scope.where(here, path, key=True), help="name an input that requests send")
    elif not values:
        yield Diagnostic("rollout-only", f"`{item.name}` has no values: nobody takes part", scope.where(here, path), help="write one")
    else:
        wanted = (int, float) if item.type == "number" else (str,)
        for at, value in enumerate(values):
            if not isinstance(value, wanted):
                one = "number" if item.type == "number" else "text"
                message = f"`{item.name}` is a {item.type or 'text'}, and {value!r} is no {one}: it would match nobody"
                help_ = f"write a {one}" if one == "number" else f'write `"{value}"`'
                yield Diagnostic("rollout-only", message, scope.where(here, (*path, at)), help=help_)


@question
def _over(scope: Scope, model: Model, position: int, judge: Judge) -> Iterator[Diagnostic]:
    here, path = address_of(model), ("rollout", "judge", position)
    if judge.metric == "slow_request" and judge.over is None:
        message = "`slow_request` does not say what is slow"
        yield Diagnostic("judge-without-over", message, scope.where(here, (*path, "metric")), help="write for example `over: 250ms`")


@question
def _judge(scope: Scope, model: Model, position: int, judge: Judge) -> Iterator[Diagnostic]:
    here, path = address_of(model), ("rollout", "judge", position)
    if judge.ceiling is not None and judge.negligible > judge.ceiling:
        place = scope.where(here, (*path, "negligible"))
        rates = f"`negligible` ({judge.negligible * 100:g}%) is above `ceiling` ({judge.ceiling * 100:g}%)"
        message = f"{rates}: one rate would both promote and abort"
        yield Diagnostic("judge-bounds", message, place, help=f"write at most {judge.ceiling * 100:g}%")


@question
def _decides(scope: Scope, model: Model, rollout: Rollout) -> Iterator[Diagnostic]:
    """Without one failure, the absolute side alone must promote within all steps together."""
    if not rollout.steps or not isinstance(model.serving, Serving) or model.serving.traffic is None:
        return
    day = timedelta(days=1)
    expected = sum(model.serving.traffic * step.weight * (step.hold / day) for step in rollout.steps)
    waited = [judge for judge in rollout.judge if judge.decides != "abort" and judge.metric in {"error_rate", "slow_request"}]
    if not waited:
        return
    needed = {
        judge.metric: needed_without_failures(judge.negligible, rollout.false_promotion)
        + (rollout.warmup.requests if judge.metric == "slow_request" else 0)
        for judge in waited
    }
    metric, most = max(needed.items(), key=lambda item: item[1])
    if expected >= most:
        return
    yield Diagnostic(
        "undecidable-rollout",
        f"this rollout can never promote: its steps bring about {_count(expected)} candidate requests, "
        f"and `{metric}` needs {most:,} without a failure",
        _where(scope, model, key=True),
        help=_decidable(model, rollout, metric, expected, most),
        related=(scope.where(address_of(model), ("serving", "traffic")),),
    )


_LONG = 20
"""A rollout that would have to last so many times as long is not mended by time alone."""


def _count(requests: float) -> str:
    return f"{requests:,.0f}" if requests >= 1 else "less than 1"


def _decidable(model: Model, rollout: Rollout, metric: str, expected: float, most: int) -> str:
    """What would let a rollout decide: without the warm-up where that alone is too much, else more time, or more of the requests."""
    warming = rollout.warmup.requests if metric == "slow_request" else 0
    longer = math.ceil(most / expected * 10) / 10 if expected > 0 else math.inf
    if not math.isfinite(longer):
        return "declare more traffic"
    few = max((most - warming) // 50, 1)
    cut = warming > most - warming and few < warming
    if longer <= _LONG and not cut:
        return f"hold {longer:g} times as long, give more weight, or raise `negligible`"
    traffic = model.serving.traffic if isinstance(model.serving, Serving) else None
    days = math.ceil((most - warming + few if cut else most) / (traffic / 2)) if traffic else 0
    first = f"write `warmup: {{requests: {few}}}`, and " if cut else ""
    return f"{first}give half of all requests for so long: `{{weight: 50%, hold: {days}d}}`; or raise `negligible`"
