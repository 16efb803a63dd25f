"""One error of pydantic to one diagnostic, in the user's words and at its node."""

from __future__ import annotations

import re
import unicodedata
from contextlib import suppress
from typing import Any, Literal, get_args, get_origin

from headrace.address import NAME
from headrace.diagnostics import Diagnostic
from headrace.document import Mapping, Scalar, Sequence, write_flow
from headrace.document.scalar import value as plain_value
from headrace.spec.field import Lacking
from headrace.spec.name import BadName
from headrace.spec.place import Place, discriminator, keys, literals, members, model_of
from headrace.spec.quantity import Ambiguous, MissingUnit, duration, percentage, ratio
from headrace.spec.unknown_key import quoted
from headrace.spec.wording import certain, choice, found, hint, nearest, quantity_of, short, wants

_BOUNDS = {
    "greater_than": ("gt", "more than"),
    "greater_than_equal": ("ge", "at least"),
    "less_than": ("lt", "less than"),
    "less_than_equal": ("le", "at most"),
}


def diagnose(error: Any, place: Place) -> Diagnostic:  # noqa: ANN401, PLR0911 - pydantic's ErrorDetails; one arm a type
    """The fault that an error of pydantic names, for the place that its `loc` leads to."""
    kind, context = error["type"], error.get("ctx", {})
    match kind:
        case "missing":
            return missing(place)
        case "union_tag_not_found":
            return missing(tag_of(place))
        case "union_tag_invalid":
            return _bad_tag(place)
        case "value_error" if isinstance(place.node, Mapping) and model_of(place.annotation) is not None:
            return _whole(place, context["error"])
        case "value_error":
            return _refused(place, context["error"])
        case "too_short" | "too_long":
            return _length(place, kind, context)
        case _ if kind in _BOUNDS:
            return _out_of_range(place, *_BOUNDS[kind], context)
        case "literal_error" if isinstance(place.node, Scalar) and place.node.value is not None:
            return bad_literal(place)
        case _ if kind.endswith(("_type", "_error", "_from_float", "_parsing")) or place.node is None or not isinstance(place.node, Scalar):
            return wrong_type(place)
        case _:
            example = (
                (place.field.json_schema_extra or {}).get("example")
                if place.field and isinstance(place.field.json_schema_extra, dict)
                else None
            )
            message = f"`{place.name}` cannot be {found(place.node)}"
            return Diagnostic(
                "bad-value", message, place.span, help=f"write for example `{example}`" if example is not None else error["msg"]
            )


def tag_of(place: Place) -> Place:
    """The key of a union that says which of its members is meant."""
    tag = discriminator(place) or "kind"
    first = members(place.annotation)[0]
    model = model_of(first)
    info = keys(model)[tag] if model else None
    every = tuple(m for m in map(model_of, members(place.annotation)) if m)
    words = tuple(v for m in every for v in literals(keys(m)[tag].annotation))
    entry = place.node.get(tag) if isinstance(place.node, Mapping) else None
    annotation: Any = wants_one_of(words)
    return Place(
        annotation,
        entry.value if entry else None,
        entry.key_span if entry else place.key,
        tag,
        ((first, place.name),),
        (*place.path, tag),
        info,
    )


def wants_one_of(words: tuple[Any, ...]) -> Any:  # noqa: ANN401
    """The literal type of some words."""
    return Literal[words]


def _bad_tag(place: Place) -> Diagnostic:
    tag = tag_of(place)
    return bad_literal(tag) if isinstance(tag.node, Scalar) and tag.node.value is not None else wrong_type(tag)


def missing(place: Place) -> Diagnostic:
    """A value that must be there."""
    if isinstance(place.path[-1], int):
        owner = place.owners[-1][1] if place.owners else "this document"
        return Diagnostic("wrong-type", f"`{owner}` has too few values: number {place.path[-1] + 1} is missing", place.key)
    return absent([place])


def absent(places: list[Place]) -> Diagnostic:
    """Keys of one mapping that must be there: one fault, however many they are."""
    first = places[0]
    owner = first.owners[-1][1] if first.owners else "this document"
    said = choice([f"`{place.name}`" for place in places])
    help_ = ", ".join(_example(place) for place in places).replace(", for example", ",")
    return Diagnostic("missing-key", f"{quoted(owner)} has no {said}", first.key, help=f"write {help_}")


def _example(place: Place) -> str:
    extra = place.field.json_schema_extra if place.field is not None else None
    example = extra.get("example") if isinstance(extra, dict) else None
    words = literals(place.annotation)
    if example is not None:
        return f"for example `{_entry(place.name, example)}`"
    return f"`{place.name}: {words[0]}`" if len(words) == 1 else f"`{place.name}:` with {wants(place.annotation, place.field)}"


def _entry(key: str, value: object) -> str:
    return write_flow({key: value})[1:-1]


def bad_literal(place: Place) -> Diagnostic:
    """A word that is none of those allowed."""
    words, node = literals(place.annotation), place.node
    if nearest(node.text if isinstance(node, Scalar) else "", words) is None and _retyped(place) is not None:
        return wrong_type(place)
    text = node.text if isinstance(node, Scalar) else ""
    meant = nearest(text, words)
    message = f"`{place.name}` cannot be {found(node)}: it is {wants(place.annotation, place.field)}"
    fix = meant or (str(words[0]) if len(words) == 1 else None)
    return Diagnostic(
        "bad-value",
        message,
        place.span,
        caret=hint(text, words),
        help=f"write {choice(f'`{w}`' for w in words)}",
        replacement=fix,
        certain=certain(text, words),
    )


def wrong_type(place: Place) -> Diagnostic:
    """A value of another type than the field's."""
    node = place.node
    if isinstance(node, Scalar) and node.value is not None and (words := literals(place.annotation)) and nearest(node.text, words):
        return bad_literal(place)
    if isinstance(node, Scalar) and node.value is None and not node.style:
        message = f"`{place.name}` has no value: it wants {wants(place.annotation, place.field)}"
        return Diagnostic("wrong-type", message, place.key, help="write a value, or remove the key")
    message = f"`{place.name}` wants {wants(place.annotation, place.field)}, not {found(node)}"
    fix = _retyped(place)
    help_ = f"write `{fix}`" if fix else _shaped(place)
    return Diagnostic("wrong-type", message, place.span, help=help_, replacement=fix, certain=fix is not None)


def _shaped(place: Place) -> str | None:
    """How to write it: without the dash of a list of one, or as the field's example is written."""
    if isinstance(place.node, Sequence) and len(place.node.items) == 1 and isinstance(place.node.items[0], Mapping):
        return "remove the `-`, or the `[` and `]` around it"
    extra = place.field.json_schema_extra if place.field is not None else None
    example = extra.get("example") if isinstance(extra, dict) else None
    return f"write for example `{_entry(place.name, example)}`" if example is not None else None


def _retyped(place: Place) -> str | None:
    """The same value in the wanted type, where that is unambiguous."""
    node = place.node
    types = members(place.annotation)
    if isinstance(node, Scalar) and len(node.text) < 200:  # noqa: PLR2004 - longer is no slip
        if str in types and not isinstance(node.value, str):
            return f'"{node.text}"'
        if bool in types and node.text.casefold() in ("true", "false", "yes", "no", "on", "off"):
            return "true" if node.text.casefold() in ("true", "yes", "on") else "false"
        if {int, float} & set(types) and isinstance(node.value, str):
            plain = plain_value(node.text.strip().replace("_", "") or "x")
            if isinstance(plain, int if int in types and float not in types else int | float) and not isinstance(plain, bool):
                return str(plain)
        listed = next((t for t in types if get_origin(t) is tuple), None)
        if listed is not None and get_args(listed)[-1] is ... and node.text and node.value is not None:
            return f"[{node.text}]"
    return None


def _refused(place: Place, error: Exception) -> Diagnostic:  # noqa: PLR0911 - one line a way to be refused
    node = place.node
    if isinstance(error, BadName) and place.is_key:
        return _bad_name(place, error)
    if literals(place.annotation) and isinstance(node, Scalar) and node.value is not None and len(members(place.annotation)) == 1:
        return bad_literal(place)
    if (not isinstance(node, Scalar) and not place.is_key) or (isinstance(node, Scalar) and node.value is None):
        return wrong_type(place)
    if isinstance(error, MissingUnit):
        # A share or a ratio has one sign; a time has several units, and which was meant only its writer knows.
        known = quantity_of(place.annotation, place.field) in (percentage, ratio) and isinstance(node, Scalar) and node.value != 1
        said = f"write `{error.fixed}`"
        if quantity_of(place.annotation, place.field) is duration and isinstance(node, Scalar):
            said = f"write {choice(f'`{node.text}{unit}`' for unit in 'dhms')} for days, hours, minutes or seconds"
        return Diagnostic("missing-unit", f"`{place.name}`: {error}", place.span, help=said, replacement=error.fixed, certain=known)
    if isinstance(error, Ambiguous):
        said = choice(f"`{meaning}`" for meaning in error.meanings)
        return Diagnostic("ambiguous-percent", f"`{place.name}`: {error}", place.span, help=f"write {said}")
    if isinstance(error, BadName):
        return _bad_name(place, error)
    if quantity_of(place.annotation, place.field) is duration and isinstance(node, Scalar) and (fixed := _shortened(node.text)):
        return Diagnostic("bad-value", f"`{place.name}`: {error}", place.span, help=f"write `{fixed}`", replacement=fixed, certain=True)
    if len(members(place.annotation)) > 1:
        return wrong_type(place)
    return Diagnostic("bad-value", f"`{place.name}`: {error}", place.span)


def _whole(place: Place, error: Exception) -> Diagnostic:
    """What a section's own validator says of its keys together."""
    if isinstance(error, Lacking):
        said = choice([f"`{key}`" for key in error.keys])
        return Diagnostic("missing-key", f"{quoted(place.name)} has no {said}", place.key, help=error.help)
    return Diagnostic("bad-value", f"{quoted(place.name)}: {error}", place.span)


def _bad_name(place: Place, error: BadName) -> Diagnostic:
    """A name that cannot be one; others may refer to it, so that only its writer can change it everywhere."""
    between = "_" if "column" in str(error) else "-"
    given = str(place.path[-2]) if place.is_key else place.node.text if isinstance(place.node, Scalar) else ""
    letters = "".join(c for c in unicodedata.normalize("NFKD", given.casefold()) if not unicodedata.combining(c))
    name = re.sub(r"[^a-z0-9]+", between, letters).strip(between)
    usable = name != given and NAME.fullmatch(name) and (between == "-" or name.isidentifier()) and len(name) <= _LONGEST
    return Diagnostic("bad-name", str(error), place.span, help=f"rename it, for example `{name}`" if usable else "rename it")


def _shortened(text: str) -> str | None:
    """`30 days` as `30d`."""
    words = re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*([a-z]+?)s?\s*", text.casefold())
    unit = _WORDS.get(words[2]) if words else None
    if words is None or unit is None:
        return None
    with suppress(ValueError):
        duration(fixed := f"{words[1]}{unit}")
        return fixed
    return None


_LONGEST = 63
_WORDS = {
    **dict.fromkeys(("millisecond", "msec"), "ms"),
    **dict.fromkeys(("second", "sec"), "s"),
    **dict.fromkeys(("minute", "min"), "m"),
    **dict.fromkeys(("hour", "hr", "h"), "h"),
    **dict.fromkeys(("day", "d"), "d"),
    **dict.fromkeys(("week", "wk", "w"), "w"),
}


def _length(place: Place, kind: str, context: dict[str, Any]) -> Diagnostic:
    count = len(place.node.items) if isinstance(place.node, Sequence) else len(place.node.entries) if isinstance(place.node, Mapping) else 0
    if kind == "too_short":
        least = context.get("min_length", 1)
        span = place.key if count == 0 else place.span
        return Diagnostic("too-few", f"`{place.name}` has {count or 'nothing'}, and wants at least {least}", span, help="add one")
    return Diagnostic("wrong-type", f"`{place.name}` wants {wants(place.annotation, place.field)}, not {count} values", place.span)


def _out_of_range(place: Place, bound: str, words: str, context: dict[str, Any]) -> Diagnostic:
    value = context[bound]
    known = quantity_of(place.annotation, place.field)
    said = f"{value * 100:g}%" if known is percentage else f"{value:g}x" if known is ratio else f"{value}"
    given = place.node.text if isinstance(place.node, Scalar) else "this"
    return Diagnostic(
        "out-of-range", f"`{place.name}` is {words} {said}, and this is `{short(given)}`", place.span, help=f"write a value {words} {said}"
    )
