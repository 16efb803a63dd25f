"""What a rollout's strategy makes of it: the steps that compiled flows, rules and plans go by, asked for once."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from datetime import timedelta
from itertools import islice

from pydantic import ValidationError

from headrace.address import Address
from headrace.diagnostics import Diagnostic
from headrace.hooks import Plugins, Rung, Strategy, resolve
from headrace.hooks.fault import PluginFault, fault
from headrace.project.scope import Scope
from headrace.spec import AnyKind, Model
from headrace.spec.params import read_params
from headrace.spec.rollout import Rollout, Step
from headrace.spec.unknown import UnknownError

MOST = 100
"""How many steps a strategy may give: more is a mistake, or has no end."""


def climbed(scope: Scope, plugins: Plugins, specs: dict[Address, AnyKind]) -> Iterator[Diagnostic]:
    """Put into every rollout the steps that its strategy gives; none, and what is wrong, where it cannot give any."""
    for address, spec in sorted(specs.items(), key=lambda item: item[0]):
        if isinstance(spec, Model):
            with suppress(UnknownError):  # what could not be read, no strategy is asked about
                yield from _climbed(scope, plugins, specs, address, spec)


def _climbed(scope: Scope, plugins: Plugins, specs: dict[Address, AnyKind], address: Address, model: Model) -> Iterator[Diagnostic]:
    rollout = model.rollout
    strategy = plugins.strategies.get(rollout.strategy) if rollout is not None else None
    if rollout is None or strategy is None:
        return
    found: tuple[Step, ...] | None = None
    if strategy.steps is bool(rollout.steps):
        try:
            found = steps(strategy, rollout)
        except PluginFault as error:
            yield _failed(scope, plugins, address, strategy, error)
    if found != rollout.steps:
        specs[address] = model.model_copy(update={"rollout": rollout.model_copy(update={"steps": found or ()})})


def steps(strategy: Strategy, rollout: Rollout) -> tuple[Step, ...] | None:
    """The steps of a rollout; None where its parameters are not the strategy's. PluginFault where it raises or gives anything else."""
    doing = f"failed in the strategy `{strategy.name}`"
    # Asked before the strategy is: what could not be read is no fault of its.
    given, named = [Rung(step.weight, step.hold, step.then) for step in rollout.steps], rollout.params
    with fault(doing):
        try:
            params = read_params(resolve(strategy.params), named)
        except ValidationError:
            return None  # a rule says it at its line
        made = resolve(strategy.rungs)(params, given) if strategy.steps else resolve(strategy.rungs)(params)
        if made is given:
            return rollout.steps
        if not isinstance(made, Iterable) or isinstance(made, str | bytes):
            raise PluginFault(f"{doing}: it gave {'None' if made is None else type(made).__name__}, and not Rungs")
        return _steps(list(islice(made, MOST + 1)), doing)


def _steps(made: Sequence[object], doing: str) -> tuple[Step, ...]:
    if not made:
        raise PluginFault(f"{doing}: it gave no step")
    if len(made) > MOST:
        raise PluginFault(f"{doing}: it gave more than {MOST} steps")
    return tuple(_step(number, rung, doing) for number, rung in enumerate(made, start=1))


def _step(number: int, rung: object, doing: str) -> Step:
    if not isinstance(rung, Rung):
        raise PluginFault(f"{doing}: it gave {'None' if rung is None else type(rung).__name__}, and not Rung")
    weight, hold = rung.weight, rung.hold
    if isinstance(weight, bool) or not isinstance(weight, int | float) or not math.isfinite(weight) or not 0 < weight < 1:
        raise PluginFault(f"{doing}: step {number} has the weight {weight!r}, and not a share between 0 and 1")
    if not isinstance(hold, timedelta) or hold <= timedelta():
        raise PluginFault(f"{doing}: step {number} holds for {hold!r}, and not for a time")
    if rung.then not in {None, "wait"}:
        raise PluginFault(f"{doing}: step {number} goes on by {rung.then!r}, and not by `wait` or None")
    # 0.1 + 0.2 is no share that a person would write.
    return Step.model_construct(weight=float(round(weight, 9)), hold=hold, then=rung.then)


def _failed(scope: Scope, plugins: Plugins, address: Address, strategy: Strategy, error: PluginFault) -> Diagnostic:
    origin = plugins.origin("strategy", strategy.name)
    line = error.place(origin, scope.root) if origin is not None and error.error is not None else None
    place = scope.where(address, ("rollout", "strategy"))
    if line is None:
        return Diagnostic("plugin-failed", f"plugin {origin} {error}", place, help=error.help)
    help_ = f"mend {line.file}:{line.line}, or choose another strategy"
    return Diagnostic("plugin-failed", f"plugin {origin} {error}", place, help=help_, related=(line,))
