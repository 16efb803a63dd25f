"""One error of pydantic to one diagnostic, in the user's words and at its node."""

from __future__ import annotations

import re
import unicodedata
from contextlib import suppress
from datetime import timedelta
from typing import Any, Literal, get_args, get_origin

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from headrace.address import NAME
from headrace.diagnostics import Diagnostic
from headrace.document import Mapping, Node, Scalar, Sequence, write_flow
from headrace.document.scalar import value as plain_value
from headrace.spec.field import Lacking
from headrace.spec.name import BadName, Speaks
from headrace.spec.place import Place, bare, discriminator, keys, literals, members, model_of
from headrace.spec.plain import plain
from headrace.spec.quantity import Ambiguous, MissingUnit, duration, percentage, rate, ratio, write_duration
from headrace.spec.unknown_key import quoted
from headrace.spec.wording import certain, choice, cut, found, hint, nearest, quantity_of, short, wants

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


def _shaped(place: Place) -> str:
    """How to write it: the user's own value in another shape, or as the field's example is written."""
    node = place.node
    if isinstance(node, Sequence) and len(node.items) == 1 and isinstance(node.items[0], Mapping):
        return "remove the `-`, or the `[` and `]` around it"
    inner = next((get_args(bare(t))[0] for t in members(place.annotation) if get_origin(bare(t)) is tuple), None)
    if isinstance(node, Mapping) and (item := model_of(inner)) is not None and all(entry.key in keys(item) for entry in node.entries):
        return f"put it in a list: `{_entry(place.name, (plain(node),))}`"
    if isinstance(node, Sequence) and any(get_origin(bare(t)) is dict for t in members(place.annotation)):
        named = node.items[0].get("name") if node.items and isinstance(node.items[0], Mapping) else None
        if named is not None and isinstance(named.value, Scalar):
            return f"write the names as keys, such as `{place.name}: {{{named.value.text}: …}}`"
    only = _only(node)
    if only is not None and not {dict, list, tuple} & {get_origin(bare(t)) for t in members(place.annotation)} and _simple(place):
        return f"write `{_entry(place.name, only.value)}`"
    if isinstance(node, Scalar) and (both := _BETWEEN.fullmatch(node.text)) and isinstance(place.path[-1] if place.path else None, int):
        return f"write `[{both[1]}, {both[2]}]`"
    example = _likely(place)
    return f"write for example `{_entry(place.name, example)}`" if example is not None else f"write {wants(place.annotation, place.field)}"


def _simple(place: Place) -> bool:
    return not any(model_of(member) for member in members(place.annotation))


def _only(node: Node | None) -> Scalar | None:
    """The value that a list of one, or a mapping, is written around."""
    values: list[Node] = []
    match node:
        case Sequence(items):
            values = list(items)
        case Mapping(entries):
            values = [entry.value for entry in entries if entry.key in ("default", "value")] or [entry.value for entry in entries]
        case _:
            pass
    return values[0] if len(values) == 1 and isinstance(values[0], Scalar) else None


def _likely(place: Place) -> Any:  # noqa: ANN401 - a value of the language
    """What may stand there: the field's example, the keys that must be there, or the default."""
    example, given = _example_of(place.field), place.node.value if isinstance(place.node, Scalar) else None
    if isinstance(example, dict) and type(given) is int and all(type(value) is int for value in example.values()):
        return dict.fromkeys(example, given)
    if example is not None:
        return example
    model = next((m for m in map(model_of, members(place.annotation)) if m is not None), None)
    if model is not None:
        return _of_model(model, place.node) or None
    default = place.field.default if place.field is not None else None
    return write_duration(default) if isinstance(default, timedelta) else default if isinstance(default, int | float | str) else None


def _example_of(field: FieldInfo | None) -> Any:  # noqa: ANN401 - a value of the language
    extra = field.json_schema_extra if field is not None else None
    return extra.get("example") if isinstance(extra, dict) else None


def _of_model(model: type[BaseModel], node: Node | None) -> dict[str, Any]:
    """The keys that a mapping must have, with the user's own word for the one that has such a word."""
    found: dict[str, Any] = {}
    for key, info in keys(model).items():
        if info.is_required():
            word = nearest(node.text, literals(info.annotation)) if isinstance(node, Scalar) else None
            found[key] = word if word is not None else _example_of(info)
    return found


_THOUSANDS = re.compile(r"\s*(\d+(?:\.\d+)?)\s*([kKM])\s*")
_SHARE = re.compile(r"\s*(\d+(?:\.\d+)?)\s*%\s*")
_BETWEEN = re.compile(r"\s*(-?\d+(?:\.\d+)?)\s*(?:-|\.\.\.?|:|to|,)\s*(-?\d+(?:\.\d+)?)\s*")
"""Two numbers, as people write a range."""


def _retyped(place: Place) -> str | None:
    """The same value in the wanted type, where that is unambiguous."""
    node = place.node
    types = members(place.annotation)
    if not isinstance(node, Scalar) or len(node.text) >= 200:  # noqa: PLR2004 - longer is no slip
        return None
    if str in types and not isinstance(node.value, str):
        return _as_words(node.text, place)
    if bool in types and node.text.casefold() in ("true", "false", "yes", "no", "on", "off"):
        return "true" if node.text.casefold() in ("true", "yes", "on") else "false"
    number = _number(node, types) if {int, float} & set(types) and isinstance(node.value, str) else None
    return number if number is not None else _listed(node, types)


def _as_words(text: str, place: Place) -> str | None:
    """A number or a truth value as the text that is wanted: quoted, or with the word of the field's example; None where it is neither."""
    about = place.field.metadata if place.field is not None else []
    if any(isinstance(item, Speaks) for item in about):
        return None
    pattern = next((found for item in about if (found := getattr(item, "pattern", None)) is not None), None)
    if pattern is None or re.search(pattern, text):
        return f'"{text}"'
    _, space, word = str(_example_of(place.field) or "").partition(" ")
    return f"{text} {word}" if space and re.search(pattern, f"{text} {word}") else None


def _number(node: Scalar, types: tuple[Any, ...]) -> str | None:
    """Text as the number that it says; a share as a part of one."""
    share = _SHARE.fullmatch(node.text)
    if float in types and share is not None:
        return f"{float(share[1]) / 100:g}"
    thousands = _THOUSANDS.fullmatch(node.text)
    if thousands is not None:
        return f"{float(thousands[1]) * (1_000 if thousands[2] in 'kK' else 1_000_000):.0f}"
    number = plain_value(node.text.strip().replace("_", "") or "x")
    right = isinstance(number, int if int in types and float not in types else int | float) and not isinstance(number, bool)
    return str(number) if right else None


def _listed(node: Scalar, types: tuple[Any, ...]) -> str | None:
    """One value as a list of it; two numbers as a range."""
    arguments = next((get_args(t) for t in types if get_origin(t) is tuple), None)
    if arguments is None or not node.text or node.value is None:
        return None
    if arguments[-1] is ...:
        # A list of mappings is not made of one word.
        return f"[{node.text}]" if not any(model_of(member) for member in members(arguments[0])) else None
    both = _BETWEEN.fullmatch(node.text)
    return f"[{both[1]}, {both[2]}]" if both is not None and len(arguments) == 2 else None  # noqa: PLR2004 - a range


def _refused(place: Place, error: Exception) -> Diagnostic:  # noqa: C901, PLR0911 - one line a way to be refused
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
        return Diagnostic(
            "missing-unit", f"`{place.name}`: {cut(str(error))}", place.span, help=said, replacement=error.fixed, certain=known
        )
    if isinstance(error, Ambiguous):
        said = choice(f"`{meaning}`" for meaning in error.meanings)
        return Diagnostic("ambiguous-percent", f"`{place.name}`: {cut(str(error))}", place.span, help=f"write {said}")
    if isinstance(error, BadName):
        return _bad_name(place, error)
    if quantity_of(place.annotation, place.field) is duration and isinstance(node, Scalar) and (fixed := _shortened(node.text)):
        return Diagnostic(
            "bad-value", f"`{place.name}`: {cut(str(error))}", place.span, help=f"write `{fixed}`", replacement=fixed, certain=True
        )
    if len(members(place.annotation)) > 1:
        return wrong_type(place)
    if quantity_of(place.annotation, place.field) is rate and isinstance(node, Scalar) and (fixed := _rate(node.text)):
        return Diagnostic(
            "bad-value", f"`{place.name}`: {cut(str(error))}", place.span, help=f"write `{fixed}`", replacement=fixed, certain=True
        )
    return Diagnostic("bad-value", f"`{place.name}`: {cut(str(error))}", place.span, help=_other_split(place) or _shaped(place))


def _other_split(place: Place) -> str | None:
    """What is held out is a share or a time, as the split says."""
    if not place.path or place.path[-2:] != ("split", "holdout") or not isinstance(place.node, Scalar):
        return None
    share = _SHARE.fullmatch(place.node.text) is not None
    if quantity_of(place.annotation, place.field) is duration and share:
        return "write for example `holdout: 90d`; a share is held out `by: random`"
    if quantity_of(place.annotation, place.field) is percentage and not share:
        return "write for example `holdout: 20%`; a length of time is held out `by: time`"
    return None


def _rate(text: str) -> str | None:
    """`1000 per day` as `1000/d`."""
    words = re.fullmatch(r"\s*([\d,_]+(?:\.\d+)?)\s*(?:req(?:uest)?s?)?\s*(?:/|per|a|an|p)?\s*([a-z]+?)s?\s*", text.casefold())
    unit = {"rp": "s", "qp": "s"}.get(words[2], _WORDS.get(words[2])) if words else None
    if words is None or unit in (None, "ms"):
        return None
    return f"{words[1].replace(',', '').replace('_', '')}/{unit}"


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
    text = " ".join(_NUMBERS.get(word, word) for word in text.casefold().split())
    clock = re.fullmatch(r"\s*(\d+):(\d\d):(\d\d)\s*", text)
    parts = re.findall(r"(\d+(?:\.\d+)?)\s*([a-z]+?)s?(?=[\d\s,]|$)", text.casefold())
    if clock is not None:
        parts = list(zip(clock.groups(), "hms", strict=True))
    elif "".join(text.casefold().split()) != "".join(f"{number}{word}" for number, word in _lengths(text)):
        return None
    with suppress(ValueError, KeyError):
        found = sum((duration(f"{number}{_WORDS.get(word) or word}") for number, word in parts), timedelta())
        return f"{parts[0][0]}{_WORDS[parts[0][1]]}" if len(parts) == 1 else write_duration(found)
    return None


def _lengths(text: str) -> list[tuple[str, str]]:
    """The numbers of a length of time, each with its word as it stands."""
    return re.findall(r"(\d+(?:\.\d+)?)\s*([a-z]+)", text.casefold())


_LONGEST = 63
_NUMBERS = {
    **{word: str(number) for number, word in enumerate(("one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten"), 1)},
    "hourly": "1h",
    "daily": "1d",
    "weekly": "1w",
    "a": "1",
    "an": "1",
}
_WORDS = {
    **dict.fromkeys(("millisecond", "msec"), "ms"),
    **dict.fromkeys(("second", "sec", "s"), "s"),
    **dict.fromkeys(("minute", "min", "m"), "m"),
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
