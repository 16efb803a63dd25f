"""Versions of views that models use: that each is what was recorded under its number, and what going over to another one costs."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from headrace.address import Address
from headrace.diagnostics import Diagnostic, Exit, HeadraceError, Report
from headrace.plan.change import Change
from headrace.plan.fields import plain
from headrace.plan.past import State
from headrace.project import Project
from headrace.spec import Effect, FeatureView, Model, Source
from headrace.spec.source import TEXTS

if TYPE_CHECKING:
    from sqlmodel import Session

    from headrace.features.versions import Version

_USE = "features.use."
_READ = ("feature_view", "source")


def histories(session: Session, project: Project) -> dict[str, tuple[Version, ...]]:
    """By view, every definition that was recorded of it and of the versions of it that stand among the specs."""
    from headrace.features import versions

    names = {name for view in _pinned(project) for name in (view.name, _base(view.name))}
    return {name: tuple(versions.history(session, name)) for name in sorted(names)}


def check(project: Project, state: State) -> None:
    """HeadraceError `unknown-view-version` for what stands as a version of a view and is none that this environment recorded.

    Where it recorded nothing of the view, nothing is known of its numbers, and the document is as good as its writer.
    """
    from headrace.compiler.sources import source_config
    from headrace.compiler.views import view_config
    from headrace.features.pinned import recorded

    report = Report()
    for view in _pinned(project):
        source = project.scope.get(Source, view.from_)
        base = state.definitions.get(_base(view.name), ())
        if source is None or not base:
            continue
        number = int(view.name.partition("@")[2])
        # A number that is not of this environment may be another's: what it names must be recorded here all the same.
        among = [version for version in base if version.number == number] or [*base, *state.definitions.get(view.name, ())]
        if recorded(view_config(view, source), source_config(source), among) is None:
            report.add(_unknown(project, view, [version.number for version in base]))
    if not report.ok:
        raise HeadraceError(report, Exit.INVALID)


def _unknown(project: Project, view: FeatureView, numbers: list[int]) -> Diagnostic:
    name, _, number = view.name.partition("@")
    place = project.where(Address("feature_view", view.name), ("name",))
    if int(number) in numbers:
        message = f"feature_view/{view.name} is not what was recorded as {view.name}: it, or the source that it reads, says another thing"
        help_ = f"type `headrace features pin {view.name}` to write it as it was; `headrace features history {name}` lists all versions"
    else:
        there = f"{name}@{numbers[0]} to {name}@{numbers[-1]}" if len(numbers) > 1 else f"{name}@{numbers[0]}"
        message = f"feature_view/{name} has no version {number} here, and none that says the same: there is {there}"
        help_ = f"type `headrace features history {name}`, and `headrace features pin` with one that it lists"
    return Diagnostic("unknown-view-version", message, place, help=help_)


def _pinned(project: Project) -> list[FeatureView]:
    """The versions that models use."""
    used = {name for model in project.models for name in model.features.use if "@" in name}
    return [view for view in project.scope.of(FeatureView) if view.name in used]


def _base(name: str) -> str:
    return name.partition("@")[0]


def judged(changes: Iterable[Change], project: Project, model: Model, before: Mapping[str, Any], state: State) -> list[Change]:
    """The changes of a model; going over to another version of a view that gives the same inputs is a retraining, and no other request."""
    found = list(changes)
    used = [change.path.removeprefix(_USE) for change in found if change.path.startswith(_USE)]
    if not any("@" in view for view in used):
        return found
    old = _inputs(before, {name: recorded.spec for name, recorded in state.resources.items()})
    new = _inputs(plain(model), {str(address): plain(spec) for address, spec in project.specs.items() if address.kind in _READ})
    if old is None or old != new:
        return found
    return [
        replace(change, effect=min(change.effect, Effect.RETRAIN), note=_note(change)) if change.path.startswith(_USE) else change
        for change in found
    ]


def _note(change: Change) -> str | None:
    view = change.path.removeprefix(_USE)
    if change.new is None:
        return change.note
    return f"computed as {view} was applied" if "@" in view else "computed as the view is now, and as it becomes"


def _inputs(model: Mapping[str, Any], documents: Mapping[str, Mapping[str, Any]]) -> dict[str, str] | None:
    """The inputs of a model with their types; None where that cannot be told."""
    found: dict[str, str] = {}
    for name, wanted in model["features"]["use"].items():
        view = documents.get(f"feature_view/{name}")
        source = documents.get(view["from"]) if view is not None else None
        if view is None or source is None:
            return None
        for word in view["features"] if wanted == "all" else wanted:
            feature = view["features"].get(word, {})
            column = source["columns"].get(feature.get("column") or feature.get("last"), {})
            found[word] = kind if (kind := column.get("type", "")) in TEXTS else "number"
    return found
