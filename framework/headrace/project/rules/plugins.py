"""Every name of something that plugins add is registered, and its parameters are what it takes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from pydantic import BaseModel

from headrace.address import Address, Path
from headrace.diagnostics import Diagnostic, Report, Span
from headrace.document import Mapping as MappingNode
from headrace.hooks import Algorithm, ChannelType, Plugins, Strategy, resolve
from headrace.hooks import Gate as Kind
from headrace.project.scope import Scope, address_of
from headrace.spec import Channel, Model
from headrace.spec.decode import check as check_params
from headrace.spec.gates import Gate
from headrace.spec.later import flag
from headrace.spec.place import keys
from headrace.spec.training import Baseline, Training
from headrace.spec.wording import certain, nearest

_LATER = words if isinstance(words := flag(keys(Gate)["metric"]), tuple) else ()
"""Metrics of gates that the language has and no plugin registers yet."""


def check(scope: Scope) -> Iterator[Diagnostic]:
    """Nothing is said where a plugin could not be loaded: the name may be its own."""
    plugins = scope.plugins
    if plugins is None:
        return
    for model in scope.of(Model):
        yield from _model(scope, plugins, model)
    for channel in scope.of(Channel):
        here = address_of(channel)
        if channel.type in plugins.channels:
            yield from _params(scope, here, (), "type", plugins.channels[channel.type])
        else:
            yield Diagnostic(
                "unknown-channel-type", **_unknown(scope.where(here, ("type",)), "channel type", channel.type, plugins.channels)
            )


def _model(scope: Scope, plugins: Plugins, model: Model) -> Iterator[Diagnostic]:
    here = address_of(model)
    sections: list[tuple[Path, Training | Baseline]] = [(("training",), model.training)]
    if model.training.baseline is not None:
        sections.append((("training", "baseline"), model.training.baseline))
    for path, section in sections:
        if section.algorithm in plugins.algorithms:
            yield from _params(scope, here, path, "algorithm", plugins.algorithms[section.algorithm])
        else:
            place = (*path, "algorithm")
            yield Diagnostic("unknown-algorithm", **_unknown(scope.where(here, place), "algorithm", section.algorithm, plugins.algorithms))
    metrics: list[tuple[Path, str]] = [
        (("gates", i, "metric"), gate.metric) for i, gate in enumerate(model.gates) if gate.metric is not None
    ]
    monitoring = model.monitoring
    if monitoring is not None and monitoring.performance is not None:
        metrics.append((("monitoring", "performance", "metric"), monitoring.performance.metric))
    metrics += _asked(model)
    for path, metric in metrics:
        if metric not in plugins.metrics and not (path[0] == "gates" and metric in _LATER):
            yield Diagnostic("unknown-metric", **_unknown(scope.where(here, path), "metric", metric, plugins.metrics))
    if monitoring is not None and monitoring.drift is not None and monitoring.drift.method not in plugins.detectors:
        place = ("monitoring", "drift", "method")
        yield Diagnostic("unknown-detector", **_unknown(scope.where(here, place), "detector", monitoring.drift.method, plugins.detectors))
    yield from _gates(scope, plugins, model)
    yield from _strategy(scope, plugins, model)


def _gates(scope: Scope, plugins: Plugins, model: Model) -> Iterator[Diagnostic]:
    here = address_of(model)
    for position, gate in enumerate(model.gates):
        if gate.gate is None:
            continue
        if gate.gate in plugins.gates:
            yield from _params(scope, here, ("gates", position), "gate", plugins.gates[gate.gate])
        else:
            place = ("gates", position, "gate")
            yield Diagnostic("unknown-gate", **_unknown(scope.where(here, place), "gate", gate.gate, plugins.gates))


def _strategy(scope: Scope, plugins: Plugins, model: Model) -> Iterator[Diagnostic]:
    if model.rollout is None:
        return
    here, name = address_of(model), model.rollout.strategy
    if name in plugins.strategies:
        yield from _params(scope, here, ("rollout",), "strategy", plugins.strategies[name])
    else:
        place = scope.where(here, ("rollout", "strategy"))
        yield Diagnostic("unknown-strategy", **_unknown(place, "strategy", name, plugins.strategies))


def _asked(model: Model) -> Iterator[tuple[Path, str]]:
    """The metrics of an experiment, and the goal of a search."""
    experiment, tune = model.experiment, model.training.tune
    if experiment is not None:
        yield ("experiment", "primary", "metric"), experiment.primary.metric
        for position, guardrail in enumerate(experiment.guardrails):
            yield ("experiment", "guardrails", position, "metric"), guardrail.metric
    for word in ("maximize", "minimize"):
        goal = getattr(tune, word, None)
        if goal is not None:
            yield ("training", "tune", word), goal


def _unknown(place: Span, what: str, name: str, known: Mapping[str, object]) -> dict[str, Any]:
    """All of a diagnostic but its id and what has a default."""
    meant = nearest(name, known)
    help_ = f"write `{meant}`" if meant else f"registered are {', '.join(sorted(known)) or 'none'}"
    caret = f"did you mean `{meant}`?" if meant else None
    slip = certain(name, known, shortest=5)
    return {
        "message": f"no plugin registers the {what} `{name[:80]}`",
        "span": place,
        "caret": caret,
        "help": help_,
        "replacement": meant,
        "certain": slip,
    }


def _params(
    scope: Scope, address: Address, path: Path, naming: str, plugin: Algorithm | ChannelType | Strategy | Kind
) -> Iterator[Diagnostic]:
    key = scope.where(address, (*path, "params"), key=True)
    node = scope.node(address, (*path, "params"))
    if not isinstance(node, MappingNode):
        key = scope.where(address, (*path, naming))
        node = MappingNode((), key)
    try:
        model = resolve(plugin.params)
    except (Exception, SystemExit) as error:  # noqa: BLE001 - a plugin's module may raise anything
        message = f"the parameters of `{plugin.name}` cannot be read: {type(error).__name__}: {error}"
        yield Diagnostic("plugin-failed", message, scope.where(address, (*path, naming)))
        return
    if not isinstance(model, type) or not issubclass(model, BaseModel):
        message = f"the parameters of `{plugin.name}` are `{plugin.params}`, which is no pydantic model"
        yield Diagnostic("plugin-failed", message, scope.where(address, (*path, naming)))
        return
    report = Report()
    check_params(model, node, report, name=f"params of {plugin.name}", key=key, path=(*path, "params"))
    yield from report.found
