"""Nothing that training sees could have been known only later."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import suppress
from datetime import timedelta

from headrace.address import Address, Path
from headrace.diagnostics import Diagnostic
from headrace.project.inputs import ModelInput, inputs
from headrace.project.rules.views import read_by
from headrace.project.scope import Scope, address_of, question
from headrace.spec import FeatureView, Model, Source
from headrace.spec.expression import ExpressionError, parse
from headrace.spec.feature_view import OF_COLUMNS
from headrace.spec.quantity import write_duration
from headrace.spec.training import TimeSplit
from headrace.spec.unknown import UNKNOWN


@question
def check(scope: Scope) -> Iterator[Diagnostic]:
    """The answer, the entity or the time as an input; a split whose newest training rows hold answers of the held-out time."""
    for model in scope.of(Model):
        yield from _inputs(scope, model)
        yield from _split(scope, model)


@question
def _inputs(scope: Scope, model: Model) -> Iterator[Diagnostic]:
    section = model.features
    group = [section.group] if section.group is not None else []
    roles = (section.rows, section.entity, section.time, section.target.column, *group)
    for item in inputs(scope, model):
        if item.column is not None and not scope.once(_plays, item.name, item.column, item.view, *roles):
            continue
        found = _leak(scope, model, item)
        if found is not None:
            yield found


@question
def _split(scope: Scope, model: Model) -> Iterator[Diagnostic]:
    here, split, delay = address_of(model), model.training.split, model.features.target.delay
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


def _plays(scope: Scope, name: str, column: str, view: str, rows: str, *roles: str) -> bool:
    """Whether an input of the model's own rows may be one of its own columns, by a name of its own or of the file's."""
    if not {name, column}.isdisjoint(roles):
        return True
    found = scope.get(FeatureView, Address("feature_view", view))
    for address in (rows, found.from_ if found is not None else rows):
        inside = scope.once(_in_file, address)
        if column in inside and inside[column] in {inside.get(role) for role in roles}:
            return True
    return False


def _leak(scope: Scope, model: Model, item: ModelInput) -> Diagnostic | None:
    """An input that is the target, the entity or the time, by its name, its column's, or that of the column in the file."""
    here, view, section = address_of(model), Address("feature_view", item.view), model.features
    column, roles = item.column, {section.target.column: "target", section.entity: "entity", section.time: "time"}
    if section.group is not None:
        roles[section.group] = "group"
    if column is None:
        column = _own(scope, model, item)
        if column is None or roles.get(column, "target") == "target":
            return _seen_early(scope, model, item)
    role, named = roles.get(column) or roles.get(item.name), f"`{item.name}`"
    if role is None:
        role, inside = _by_file(scope, model, item, roles)
        named = f"`{item.name}` (column `{column}`, which is the file's `{inside}`)"
    elif item.name != column:
        named = f"`{item.name}` (column `{column}`)"
    if role is None:
        return None
    message = f"{named} is the model's {role}, and cannot be its input"
    if item.path is not None:
        return Diagnostic("label-leak", message, scope.where(here, item.path), help=f"remove `{item.name}` from `use`")
    path: Path = ("features", "use", item.view)
    declared = scope.where(view, ("features", item.name), key=True)
    help_ = f"remove `{item.name}` from {view}, or name in `use` what the model may see"
    return Diagnostic("label-leak", message, scope.where(here, path, key=True), help=help_, related=(declared,))


def _own(scope: Scope, model: Model, item: ModelInput) -> str | None:
    """The column of the model's own rows whose newest value an input is."""
    view = scope.get(FeatureView, Address("feature_view", item.view))
    feature = view.features.get(item.name) if view is not None and view.from_ == model.features.rows else None
    return feature.column if feature is not None else None


def _seen_early(scope: Scope, model: Model, item: ModelInput) -> Diagnostic | None:
    """A computed input that reads the answers themselves before they are known."""
    view, section = scope.get(FeatureView, Address("feature_view", item.view)), model.features
    known = getattr(section.target, "delay", UNKNOWN)
    if view is None or view.from_ != section.rows:
        return None
    if (view.available_after or timedelta(0)) >= (known if known is not UNKNOWN else timedelta.resolution):
        return None
    if section.target.column not in read(view, item.name):
        return None
    here, delay = Address("feature_view", item.view), write_duration(known) if known is not UNKNOWN else "DELAY"
    later = f"{delay} after a row's time" if known is not UNKNOWN else "some time after a row's"
    message = f"`{item.name}` is computed from `{section.target.column}`, the model's target, which is known only {later}"
    place = scope.where(address_of(model), item.path or ("features", "use", item.view), key=item.path is None)
    declared = scope.where(here, ("features", item.name), key=True)
    return Diagnostic(
        "label-leak", message, place, help=f"write `available_after: {delay}` in {here}, or leave it out", related=(declared,)
    )


def read(view: FeatureView, name: str) -> frozenset[str]:
    """The columns that a feature is made of, by way of other features too; what cannot be read is passed over."""
    found: set[str] = set()
    todo, done = [name], set[str]()
    while todo:
        word = todo.pop()
        feature = view.features.get(word)
        if feature is None or word in done:
            continue
        done.add(word)
        found |= {getattr(feature, origin) for origin in OF_COLUMNS if getattr(feature, origin) is not None}
        for text in (feature.where, feature.ratio):
            with suppress(ExpressionError):
                found |= parse(text, texts=True).names() if text is not None else set()
        todo += [item.name for item in read_by(feature)]
    return frozenset(found)


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
