"""Nothing that training sees could have been known only later."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from headrace.address import Address, Path
from headrace.diagnostics import Diagnostic
from headrace.project.inputs import ModelInput, inputs
from headrace.project.scope import Scope, address_of
from headrace.spec import FeatureView, Model, Source
from headrace.spec.quantity import write_duration
from headrace.spec.training import TimeSplit


def check(scope: Scope) -> Iterator[Diagnostic]:
    """The answer, the entity or the time as an input; a split whose newest training rows hold answers of the held-out time."""
    for model in scope.of(Model):
        here, section = address_of(model), model.features
        for item in inputs(scope, model):
            found = _leak(scope, model, item)
            if found is not None:
                yield found
        split, delay = model.training.split, section.target.delay
        if isinstance(split, TimeSplit) and split.gap < delay:
            gap, needed = write_duration(split.gap), write_duration(delay)
            yield Diagnostic(
                "leaky-split",
                f"the split's gap {gap} is shorter than the answers' delay {needed}: training would see answers of the held-out time",
                scope.where(here, ("training", "split", "gap")),
                help=f"write `gap: {needed}`",
                replacement=needed,
                related=(scope.where(here, ("features", "target", "delay")),),
            )


def _leak(scope: Scope, model: Model, item: ModelInput) -> Diagnostic | None:
    """An input that is the target, the entity or the time, by its name, its column's, or that of the column in the file."""
    here, view, section = address_of(model), Address("feature_view", item.view), model.features
    if item.column is None:
        return None
    roles = {section.target.column: "target", section.entity: "entity", section.time: "time"}
    role, named = roles.get(item.column) or roles.get(item.name), f"`{item.name}`"
    if role is None:
        role, inside = _by_file(scope, model, item, roles)
        named = f"`{item.name}` (column `{item.column}`, which is the file's `{inside}`)"
    elif item.name != item.column:
        named = f"`{item.name}` (column `{item.column}`)"
    if role is None:
        return None
    message = f"{named} is the model's {role}, and cannot be its input"
    if item.path is not None:
        return Diagnostic("label-leak", message, scope.where(here, item.path), help=f"remove `{item.name}` from `use`")
    path: Path = ("features", "use", item.view)
    declared = scope.where(view, ("features", item.name), key=True)
    help_ = f"remove `{item.name}` from {view}, or name in `use` what the model may see"
    return Diagnostic("label-leak", message, scope.where(here, path, key=True), help=help_, related=(declared,))


def _by_file(scope: Scope, model: Model, item: ModelInput, roles: Mapping[str, str]) -> tuple[str | None, str]:
    """What an input is by the column that the file has: a source may give it several names."""
    view = scope.get(FeatureView, Address("feature_view", item.view))
    for address in dict.fromkeys((model.features.rows, view.from_ if view is not None else model.features.rows)):
        source = scope.get(Source, address)
        if source is None or item.column is None or item.column not in source.columns:
            continue
        inside = scope.once(_in_file, address)
        for name, role in roles.items():
            if inside.get(name) == inside[item.column]:
                return role, inside[item.column]
    return None, ""


def _in_file(scope: Scope, address: str) -> dict[str, str]:
    """What the columns of a source are called in its file."""
    source = scope.get(Source, address)
    return {name: column.from_ or name for name, column in source.columns.items()} if source is not None else {}
