"""Every name of something that plugins add is registered, and its parameters are what it takes."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from headrace.address import Path
from headrace.diagnostics import Diagnostic, Span
from headrace.document import Mapping as MappingNode
from headrace.hooks import ChannelType, Plugins
from headrace.hooks.composed import Chosen
from headrace.hooks.first_party import CHANNELS, HABITS, PACKAGES
from headrace.project.rules.measures import ERROR_RATE
from headrace.project.rules.parameters import params
from headrace.project.scope import Scope, address_of, question
from headrace.spec import Channel, Environment, Model
from headrace.spec.foreign_value import is_class, of_class, of_metric, task_of
from headrace.spec.gates import Gate
from headrace.spec.later import flag
from headrace.spec.place import keys
from headrace.spec.training import Baseline, Training, Transformation
from headrace.spec.wording import certain, listed, nearest, only

_LATER = words if isinstance(words := flag(keys(Gate)["metric"]), tuple) else ()
"""Metrics of gates that the language has and no plugin registers yet."""


_CHATS = ("slack", "teams", "msteams", "discord", "mattermost", "pagerduty", "opsgenie", "telegram", "googlechat")
"""What takes messages by a webhook."""


@question
def check(scope: Scope) -> Iterator[Diagnostic]:
    """Nothing is said where a plugin could not be loaded: the name may be its own."""
    plugins = scope.plugins
    if plugins is None:
        return
    for model in scope.of(Model):
        for asked in (_training, _baseline, _transforms, _gates, _strategy, _performance, _drift, _primary, _guardrails, _goals):
            yield from asked(scope, plugins, model)
    for channel in scope.of(Channel):
        yield from _channel(scope, plugins, channel)
    for environment in scope.of(Environment):
        yield from _tracking(scope, plugins, environment)


@question
def _channel(scope: Scope, plugins: Plugins, channel: Channel) -> Iterator[Diagnostic]:
    here = address_of(channel)
    if channel.type in plugins.channels:
        yield from params(scope, here, (), channel, plugins.channels[channel.type])
        return
    yield Diagnostic(
        "unknown-channel-type", **_unknown(plugins, scope.where(here, ("type",)), "channel type", channel.type, plugins.channels)
    )
    meant = _only(channel.type, plugins.channels)
    if meant is not None:
        yield from params(scope, here, (), channel, plugins.channels[meant])
    elif channel.type in CHANNELS:
        known, given = CHANNELS[channel.type], scope.node(here, ("params",))
        for entry in given.entries if isinstance(given, MappingNode) else ():
            if entry.key not in known:
                message = f"`{entry.key[:80]}` is no key of `params of {channel.type}`"
                yield Diagnostic("unknown-key", message, entry.key_span, help=HABITS.get(entry.key, f"the keys are {', '.join(known)}"))


@question
def _tracking(scope: Scope, plugins: Plugins, environment: Environment) -> Iterator[Diagnostic]:
    if environment.tracking is None:
        return
    here, name = address_of(environment), environment.tracking.tracker
    if name in plugins.trackers:
        yield from params(scope, here, ("tracking",), environment.tracking, plugins.trackers[name])
    else:
        yield Diagnostic(
            "unknown-tracker", **_unknown(plugins, scope.where(here, ("tracking", "tracker")), "tracker", name, plugins.trackers)
        )


def channel_type(plugins: Plugins, name: str) -> ChannelType | None:
    """The type of a channel, or the one that takes the messages of a chat of that name."""
    return plugins.channels.get(name) or (plugins.channels.get("webhook") if name.casefold() in _CHATS else None)


@question
def _training(scope: Scope, plugins: Plugins, model: Model) -> Iterator[Diagnostic]:
    yield from algorithm(scope, plugins, model, ("training",), model.training)


@question
def _baseline(scope: Scope, plugins: Plugins, model: Model) -> Iterator[Diagnostic]:
    if model.training.baseline is not None:
        yield from algorithm(scope, plugins, model, ("training", "baseline"), model.training.baseline)


@question
def algorithm(scope: Scope, plugins: Plugins, model: Model, path: Path, section: Training | Baseline | Chosen) -> Iterator[Diagnostic]:
    """The algorithm that a section names, and the parameters beside it."""
    here, known = address_of(model), plugins.algorithms
    meant = section.algorithm if section.algorithm in known else _only(section.algorithm, known)
    if section.algorithm not in known:
        yield Diagnostic(
            "unknown-algorithm", **_unknown(plugins, scope.where(here, (*path, "algorithm")), "algorithm", section.algorithm, known)
        )
    if meant is not None:
        yield from params(scope, here, path, section, known[meant])


@question
def _transforms(scope: Scope, plugins: Plugins, model: Model) -> Iterator[Diagnostic]:
    for position, step in enumerate(model.training.transforms):
        yield from _transform(scope, plugins, model, ("training", "transforms", position), step)


@question
def _transform(scope: Scope, plugins: Plugins, model: Model, path: Path, step: Transformation) -> Iterator[Diagnostic]:
    here, known = address_of(model), plugins.transforms
    meant = step.transform if step.transform in known else _only(step.transform, known)
    if step.transform not in known:
        yield Diagnostic(
            "unknown-transform", **_unknown(plugins, scope.where(here, (*path, "transform")), "transform", step.transform, known)
        )
    if meant is not None:
        yield from params(scope, here, path, step, known[meant])


@question
def _gates(scope: Scope, plugins: Plugins, model: Model) -> Iterator[Diagnostic]:
    for position, gate in enumerate(model.gates):
        if getattr(gate, "gate", None) is not None:
            yield from _kind(scope, plugins, model, ("gates", position), gate)
        else:
            yield from _metric(scope, plugins, model, ("gates", position, "metric"), gate)


@question
def _kind(scope: Scope, plugins: Plugins, model: Model, path: Path, gate: Gate) -> Iterator[Diagnostic]:
    here, name = address_of(model), gate.gate or ""
    if name in plugins.gates:
        yield from params(scope, here, path, gate, plugins.gates[name])
    else:
        yield Diagnostic("unknown-gate", **_unknown(plugins, scope.where(here, (*path, "gate")), "gate", name, plugins.gates))


@question
def _strategy(scope: Scope, plugins: Plugins, model: Model) -> Iterator[Diagnostic]:
    if model.rollout is None:
        return
    here, name = address_of(model), model.rollout.strategy
    if name in plugins.strategies:
        yield from params(scope, here, ("rollout",), model.rollout, plugins.strategies[name])
    else:
        place = scope.where(here, ("rollout", "strategy"))
        yield Diagnostic("unknown-strategy", **_unknown(plugins, place, "strategy", name, plugins.strategies))


@question
def _performance(scope: Scope, plugins: Plugins, model: Model) -> Iterator[Diagnostic]:
    if model.monitoring is not None and model.monitoring.performance is not None:
        yield from _metric(scope, plugins, model, ("monitoring", "performance", "metric"), model.monitoring.performance)


@question
def _drift(scope: Scope, plugins: Plugins, model: Model) -> Iterator[Diagnostic]:
    drift = model.monitoring.drift if model.monitoring is not None else None
    if drift is not None and drift.method not in plugins.detectors:
        place = scope.where(address_of(model), ("monitoring", "drift", "method"))
        yield Diagnostic("unknown-detector", **_unknown(plugins, place, "detector", drift.method, plugins.detectors))


@question
def _primary(scope: Scope, plugins: Plugins, model: Model) -> Iterator[Diagnostic]:
    if model.experiment is not None:
        yield from _metric(scope, plugins, model, ("experiment", "primary", "metric"), model.experiment.primary)


@question
def _guardrails(scope: Scope, plugins: Plugins, model: Model) -> Iterator[Diagnostic]:
    for position, guardrail in enumerate(model.experiment.guardrails if model.experiment is not None else ()):
        yield from _metric(scope, plugins, model, ("experiment", "guardrails", position, "metric"), guardrail)
    for position, name in enumerate(model.experiment.secondary if model.experiment is not None else ()):
        yield from _named(scope, plugins, model, ("experiment", "secondary", position), name)


@question
def _goals(scope: Scope, plugins: Plugins, model: Model) -> Iterator[Diagnostic]:
    for _, metric, where in model.training.tune.goals if model.training.tune is not None else ():
        if metric not in plugins.metrics:
            place = scope.where(address_of(model), ("training", "tune", *where))
            yield Diagnostic("unknown-metric", **_unknown(plugins, place, "metric", metric, plugins.metrics))


@question
def _metric(scope: Scope, plugins: Plugins, model: Model, path: Path, owner: object) -> Iterator[Diagnostic]:
    """A metric that a field names, if it names one."""
    metric = getattr(owner, str(path[-1]))
    if metric is not None and not (path[0] == "gates" and metric in _LATER):
        yield from _named(scope, plugins, model, path, metric)


@question
def _named(scope: Scope, plugins: Plugins, model: Model, path: Path, metric: str) -> Iterator[Diagnostic]:
    known: dict[str, object] = dict(plugins.metrics)
    if path[0] == "experiment" and model.experiment is not None:
        known |= dict.fromkeys((ERROR_RATE, *model.experiment.measures))
    if metric not in known:
        found = _unknown(plugins, scope.where(address_of(model), path), "metric", metric, known)
        if path[0] == "experiment":
            found["message"] += ", and `measures` has none of that name"
        yield Diagnostic("unknown-metric", **found)


def _unknown(plugins: Plugins, place: Span, what: str, name: str, known: Mapping[str, object]) -> dict[str, Any]:
    """All of a diagnostic but its id and what has a default."""
    meant, other = of_class(name, known) or (of_metric(name, known) if what == "metric" else None) or nearest(name, known), False
    if meant is not None and _another_task(name, meant):
        meant = None
    help_ = f"write `{meant}`" if meant else _another(plugins, what, name, f"registered are {listed(known) or 'none'}")
    if meant is not None and what == "algorithm" and of_class(name, known) is None and is_class(name):
        help_, other = _another(plugins, what, name, f"registered are {listed(known)}; `{meant}` is another algorithm"), True
    if _another_task(name, "") and not any(task_of(other) == task_of(name) for other in known):
        help_ = f"no {what} for {task_of(name)} is registered; {help_}"
    caret = f"did you mean `{meant}`?" if meant and not other else None
    slip = certain(name, known, shortest=5)
    return {
        "message": f"no plugin registers the {what} `{name[:80]}`",
        "span": place,
        "caret": caret,
        "help": help_,
        "replacement": meant if not other else None,
        "certain": slip,
    }


_AXES = {"channel type": "channel"}
"""Axes whose things a message calls otherwise than `headrace plugins` does."""
_ELSEWHERE = {
    "channel": "; `webhook` posts each alert as JSON to a URL",
    "detector": ", each with a scale of its own for `effect` (of `psi`, 0.1 is some drift and 0.25 much; of `jensen_shannon`, 0.1 is much)",
}
"""What of the built-in things does for many that are not."""


def _another(plugins: Plugins, what: str, name: str, there: str) -> str:
    """What there is, and how a thing that is not comes to be: by the package that has it, or by a plugin of one's own."""
    axis = _AXES.get(what, what)
    theirs = {named: package for (of, named), package in PACKAGES.items() if of == axis}
    packed = name if name in theirs else of_class(name, theirs) or nearest(name, theirs)
    if packed is not None:
        off = next((off.why for off in plugins.off if off.origin.name == theirs[packed]), None)
        if off is not None:
            return f"{theirs[packed]} has `{packed}`, and takes no part: {off}; {there}"
        package = theirs[packed]
        return f"type `pip install {package}`, or `pip install plugins/{package}` in a checkout of Headrace, which has `{packed}`; {there}"
    own = re.sub(r"[^a-z0-9]+", "-", name.casefold()).strip("-")[:_NAMED]
    begun = own if own[:1].isalpha() else axis
    return f"{there}{_ELSEWHERE.get(axis, '')}; `headrace plugins new {begun} --axis {axis}` begins one of your own"


_NAMED = 40
"""Letters of the longest name of a plugin."""


def _only(name: str, known: Mapping[str, object]) -> str | None:
    """The one that is meant by a name, or by a class of another library."""
    meant = of_class(name, known) or only(name, known)
    return meant if meant is not None and not _another_task(name, meant) else None


def _another_task(name: str, other: str) -> bool:
    """Whether a name says a task, and another says another or none."""
    return task_of(name) not in (None, task_of(other))
