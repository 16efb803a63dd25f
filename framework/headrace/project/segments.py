"""Aggregates by segment, written out: one feature for each value that is declared, and each counts the rows of its own."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import suppress

from headrace.address import Address
from headrace.diagnostics import Diagnostic
from headrace.document import Entry
from headrace.document import Mapping as MappingNode
from headrace.project.rules.columns import absent, columns
from headrace.project.scope import Scope, address_of
from headrace.spec import AnyKind, FeatureView, Source
from headrace.spec.feature_view import AGGREGATES, OTHER, Feature
from headrace.spec.unknown import UnknownError
from headrace.spec.wording import certain, listed, nearest

MOST = 100
"""How many segments a feature may have."""
_LONGEST = 63
_SHORT = ("by", "segments", "other")


def segmented(scope: Scope, specs: dict[Address, AnyKind], nodes: dict[Address, MappingNode]) -> Iterator[Diagnostic]:
    """Put the features that a short form means into every view, in its place; it stays, and what is wrong is said, where it means none.

    The new features stand where the short form does.
    """
    for spec in [specs[address] for address in sorted(specs)]:
        if isinstance(spec, FeatureView):
            with suppress(UnknownError):  # what could not be read, no segment is made of
                yield from _segmented(scope, specs, nodes, spec)


def _segmented(scope: Scope, specs: dict[Address, AnyKind], nodes: dict[Address, MappingNode], view: FeatureView) -> Iterator[Diagnostic]:
    if all(feature.by is None or not set(feature.origin) & set(AGGREGATES) for feature in view.features.values()):
        return
    made: dict[str, Feature] = {}
    aliases: dict[str, str] = {}
    for name, feature in view.features.items():
        found: dict[str, Feature] = {}
        if feature.by is not None and set(feature.origin) & set(AGGREGATES):
            said = list(_faults(scope, view, name, feature))
            yield from said
            found = {} if said else _features(name, feature, _values(scope, view, feature))
        aliases |= dict.fromkeys(found, name)
        made |= found or {name: feature}
    address = address_of(view)
    specs[address] = view.model_copy(update={"features": made})
    nodes[address] = _standing(nodes[address], aliases)


def _standing(node: MappingNode, aliases: Mapping[str, str]) -> MappingNode:
    """The document with an entry for every feature that was made, where its short form stands."""
    features = node.get("features")
    if features is None or not isinstance(features.value, MappingNode):
        return node
    held = features.value
    new = [Entry(name, entry.key_span, entry.value) for name, short in aliases.items() if (entry := held.get(short)) is not None]
    inner = features._replace(value=MappingNode((*held.entries, *new), held.span))
    return MappingNode(tuple(inner if entry is features else entry for entry in node.entries), node.span)


def _features(name: str, feature: Feature, values: tuple[str, ...]) -> dict[str, Feature]:
    found = {_named(name, value): _one(feature, f"{feature.by} == {_quoted(value)}") for value in values}
    if feature.other:
        found[f"{name}_{OTHER}"] = _one(feature, " and ".join(f"not {feature.by} == {_quoted(value)}" for value in values))
    return found


def _one(feature: Feature, condition: str) -> Feature:
    where = f"({feature.where}) and {condition}" if feature.where is not None else condition
    made = feature.model_copy(update={"where": where, "by": None, "segments": None, "other": None})
    made.__pydantic_fields_set__.difference_update(_SHORT)
    return made


def _quoted(value: str) -> str:
    escaped = value.replace("\\", "\\\\").replace("'", "\\'")
    return f"'{escaped}'"


def _named(name: str, value: str) -> str:
    return f"{name}_{re.sub(r'[^0-9A-Za-z]+', '_', value).strip('_')}"


def _allowed(scope: Scope, view: FeatureView, feature: Feature) -> tuple[str, tuple[str, ...]] | None:
    """The check that says which values a column has, and the values."""
    source = scope.meant(Source, view.from_)
    found = (item for item in source.checks if item.column == feature.by) if source is not None else ()
    return next(((item.id, item.values) for item in found if item.values is not None), None)


def _values(scope: Scope, view: FeatureView, feature: Feature) -> tuple[str, ...]:
    if feature.segments is not None:
        return tuple(value for value in feature.segments if isinstance(value, str))  # what is no text was told when it was read
    allowed = _allowed(scope, view, feature)
    return allowed[1] if allowed is not None else ()


def _faults(scope: Scope, view: FeatureView, name: str, feature: Feature) -> Iterator[Diagnostic]:
    here, source = address_of(view), scope.meant(Source, view.from_)
    by = scope.where(here, ("features", name, "by"))
    if source is not None and feature.by is not None:
        if (fault := absent(scope, here, ("features", name, "by"), feature.by, source)) is not None:
            yield fault
            return
        if (kind := columns(source)[feature.by]) != "category":
            message = f"`by` of feature `{name}` wants a category, and `{feature.by}` of {view.from_} is a {kind}"
            yield Diagnostic("wrong-column-type", message, by, help="name a column whose type is `category`")
            return
    values = _values(scope, view, feature)
    if len(values) < len(feature.segments or ()):
        return
    if not values and source is not None:
        message = f"feature `{name}` does not say which segments of `{feature.by}` there are, and no check of {view.from_} does"
        help_ = f"write for example `segments: [A, B]`, or the check `{{id: segments, column: {feature.by}, values: [A, B]}}`"
        yield Diagnostic("no-segments", message, by, help=help_)
    elif len(values) > MOST:
        message = f"feature `{name}` has {len(values):,} segments, and at most {MOST} are made"
        yield Diagnostic("out-of-range", message, by, help="name the segments that matter in `segments`, and write `other: true`")
    else:
        yield from _named_well(scope, view, name, feature, values)


def _named_well(scope: Scope, view: FeatureView, name: str, feature: Feature, values: tuple[str, ...]) -> Iterator[Diagnostic]:
    """Every segment is one that there may be, once, and gives a name that is free."""
    here, allowed = address_of(view), _allowed(scope, view, feature)
    taken = {word: f"feature `{word}`" for word in view.features if word != name}
    taken |= {f"{name}_{OTHER}": "`other`"} if feature.other else {}
    for position, value in enumerate(values):
        path = ("features", name, "segments", position) if feature.segments is not None else ("features", name, "by")
        place, word = scope.where(here, path), _named(name, value)
        if allowed is not None and value not in allowed[1]:
            meant = nearest(value, allowed[1])
            message = f"`{value}` is no value of `{feature.by}`: check `{allowed[0]}` of {view.from_} has it not"
            help_ = f"write `{meant}`" if meant else f"its values are {listed(allowed[1])}"
            sure = certain(value, allowed[1], shortest=5)
            yield Diagnostic("unknown-segment", message, place, help=help_, replacement=meant, certain=sure)
        elif value in values[:position]:
            yield Diagnostic("duplicate-segment", f"`{value}` stands twice in the segments of `{name}`", place, help="remove one of them")
        elif word in taken:
            message = f"segment `{value}` would be called `{word}`, as {taken[word]} is"
            yield Diagnostic("duplicate-segment", message, place, help="write a feature with a `where` of its own for one of them")
        elif word == f"{name}_" or len(word) > _LONGEST or "\n" in value:
            message = f"segment `{value[:80]}` gives no name of a column"
            yield Diagnostic("bad-name", message, place, help=f'write a feature with `where: "{feature.by} == …"` under a name of its own')
        taken.setdefault(word, f"segment `{value}`")
