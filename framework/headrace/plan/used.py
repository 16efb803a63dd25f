"""Which plugins a model goes by, in which release, and what another release of one costs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from headrace.address import Address
from headrace.hooks.release import reader_of, releases
from headrace.plan.change import Change
from headrace.plan.past import Recorded
from headrace.project import Project
from headrace.spec import Channel, Effect, FeatureView, Model, Source
from headrace.spec.monitoring import Monitoring

Used = Mapping[str, Mapping[str, Effect]]
"""By plugin, what a model has from it, such as `algorithm xgboost.classifier`, with what another release of that costs."""

EFFECTS = {
    "algorithm": Effect.RE_EVALUATE,
    "metric": Effect.RE_EVALUATE,
    "gate": Effect.RE_EVALUATE,
    "strategy": Effect.RECONFIGURE,
    "detector": Effect.RECONFIGURE,
    "reader": Effect.RECONFIGURE,
    "channel": Effect.RECONFIGURE,
}
"""By axis: what answers or judges is asked again with the new release; the rest counts from the next run on. Nothing is trained by itself:
a model that was made stays what it is, and whether a new one is worth its cost nobody can tell from a version number."""


def released(project: Project, model: Model) -> dict[str, str]:
    """By plugin, the release that a model goes by now."""
    return releases(project.plugins, things(project, model))


def changes(project: Project, model: Model, recorded: Recorded, *, spec_changed: bool) -> Iterator[Change]:
    """One change a plugin of another release than was applied.

    A plugin that came or went is told where the spec did not change: then another plugin took the place of one. What was applied before
    releases were recorded says nothing.
    """
    before = recorded.applied.get("plugins")
    if not isinstance(before, Mapping):
        return
    now = released(project, model)
    if before == now:
        return
    used = _by_plugin(project, model)
    for plugin in sorted({*before, *now}):
        old, new = before.get(plugin), now.get(plugin)
        if old == new or (spec_changed and None in (old, new)):
            continue
        known = used.get(plugin, {})
        effect = max(known.values(), default=Effect.RE_EVALUATE)
        yield Change(f"plugin {plugin}", _short(old), _short(new), effect, note=", ".join(sorted(known)) or None)


def things(project: Project, model: Model) -> Iterator[tuple[str, str]]:
    """All that a model has from plugins, by axis and name."""
    yield "algorithm", model.training.algorithm
    if model.training.baseline is not None:
        yield "algorithm", model.training.baseline.algorithm
    for gate in model.gates:
        if gate.gate is not None:
            yield "gate", gate.gate
        elif gate.metric is not None:
            yield "metric", gate.metric
    if model.rollout is not None:
        yield "strategy", model.rollout.strategy
    if model.monitoring is not None:
        yield from _watched(project, model.monitoring)
    yield from (("reader", reader) for reader in _readers(project, model))


def _watched(project: Project, monitoring: Monitoring) -> Iterator[tuple[str, str]]:
    if monitoring.performance is not None:
        yield "metric", monitoring.performance.metric
    if monitoring.drift is not None:
        yield "detector", monitoring.drift.method
    channels = (project.scope.get(Channel, name) for name in dict.fromkeys(name for alert in monitoring.alerts for name in alert.notify))
    yield from (("channel", channel.type) for channel in channels if channel is not None)


def _readers(project: Project, model: Model) -> Iterator[str]:
    views = (project.scope.get(FeatureView, Address("feature_view", name)) for name in model.features.use)
    for address in dict.fromkeys((model.features.rows, *(view.from_ for view in views if view is not None))):
        source = project.scope.get(Source, address)
        reader = reader_of(project.plugins, source.uri) if source is not None else None
        if reader is not None:
            yield reader


def _by_plugin(project: Project, model: Model) -> Used:
    found: dict[str, dict[str, Effect]] = {}
    for axis, name in things(project, model):
        origin = project.plugins.origin(axis, name)
        if origin is not None:
            found.setdefault(origin.name, {})[f"{axis} {name}"] = EFFECTS[axis]
    return found


def _short(release: str | None) -> str | None:
    """A digest as a person compares it."""
    return release[:19] if release is not None and release.startswith("sha256:") else release
