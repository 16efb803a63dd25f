"""One error of pydantic to one diagnostic, in the user's words and at its node."""

from __future__ import annotations

import re
import unicodedata
from contextlib import suppress
from datetime import timedelta
from typing import Any, Literal, get_args, get_origin

from headrace.address import NAME
from headrace.diagnostics import Diagnostic
from headrace.document import Mapping, Scalar, Sequence
from headrace.document.scalar import value as plain_value
from headrace.spec.example import BETWEEN, entry, example_of, of_missing, shaped, whole
from headrace.spec.field import Lacking
from headrace.spec.fits import fits
from headrace.spec.foreign_value import of_shell, word
from headrace.spec.later import flag
from headrace.spec.meaning import node_at
from headrace.spec.name import BadName, Speaks
from headrace.spec.place import Place, bare, discriminator, keys, literals, members, model_of
from headrace.spec.plain import plain
from headrace.spec.quantity import Ambiguous, MissingUnit, duration, percentage, rate, ratio, size, write_duration
from headrace.spec.unknown_key import quoted
from headrace.spec.wording import certain, choice, cut, found, hint, nearest, quantity_of, short, wants

_BOUNDS = {
    "greater_than": ("gt", "more than"),
    "greater_than_equal": ("ge", "at least"),
    "less_than": ("lt", "less than"),
    "less_than_equal": ("le", "at most"),
}


def diagnose(error: Any, place: Place, root: Place) -> Diagnostic:  # noqa: ANN401, PLR0911 - pydantic's ErrorDetails; one arm a type
    """The fault that an error of pydantic names, for the place that its `loc` leads to."""
    kind, context = error["type"], error.get("ctx", {})
    match kind:
        case "missing":
            return missing(place, root)
        case "union_tag_not_found":
            return missing(tag_of(place), root)
        case "union_tag_invalid":
            return _bad_tag(place)
        case "value_error" if _of_its_shape(place):
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
            return _of_time(place, root) or wrong_type(place)
        case _:
            return _unlike(place, error["msg"])


def _unlike(place: Place, why: str) -> Diagnostic:
    """Text that has not the form which the field wants."""
    example, text = example_of(place.field), place.node.text if isinstance(place.node, Scalar) else ""
    message = f"`{place.name}` cannot be {found(place.node)}"
    shell = of_shell(text)
    help_ = f"write for example `{example}`" if example is not None else why
    if shell is not None:
        help_ = f"write `env:{shell}`"
    elif " windows" in str(example) and _shortened(text) is not None:
        help_ = f"windows are counted, and not their time: write for example `{example}`"
    return Diagnostic("bad-value", message, place.span, help=help_)


def tag_of(place: Place) -> Place:
    """The key of a union that says which of its members is meant."""
    tag = discriminator(place) or "kind"
    first = members(place.annotation)[0]
    model = model_of(first)
    info = keys(model)[tag] if model else None
    every = tuple(m for m in map(model_of, members(place.annotation)) if m)
    words = tuple(v for m in every for v in literals(keys(m)[tag].annotation))
    given = place.node.get(tag) if isinstance(place.node, Mapping) else None
    annotation: Any = wants_one_of(words)
    return Place(
        annotation,
        given.value if given else None,
        given.key_span if given else place.key,
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


def missing(place: Place, root: Place) -> Diagnostic:
    """A value that must be there."""
    if isinstance(place.path[-1], int):
        owner = place.owners[-1][1] if place.owners else "this document"
        return Diagnostic("wrong-type", f"`{owner}` has too few values: number {place.path[-1] + 1} is missing", place.key)
    return absent([place], root)


def absent(places: list[Place], root: Place) -> Diagnostic:
    """Keys of one mapping that must be there: one fault, however many they are."""
    first = places[0]
    owner = first.owners[-1][1] if first.owners else "this document"
    said = choice([f"`{place.name}`" for place in places])
    help_ = ", ".join(of_missing(place, root) for place in places).replace(", for example", ",")
    return Diagnostic("missing-key", f"{quoted(owner)} has no {said}", first.key, help=f"write {help_}")


def bad_literal(place: Place) -> Diagnostic:
    """A word that is none of those allowed."""
    words, node = literals(place.annotation), place.node
    text = node.text if isinstance(node, Scalar) else ""
    if nearest(text, words) is None and word(place.name, text, words) is None and _retyped(place) is not None:
        return wrong_type(place)
    text = node.text if isinstance(node, Scalar) else ""
    said = word(place.name, text, words) if not certain(text, words) else None
    meant = nearest(text, words) if said is None else said.word
    message = f"`{place.name}` cannot be {found(node)}: it is {wants(place.annotation, place.field)}"
    if said is not None:
        return Diagnostic("bad-value", message, place.span, help=said.help, replacement=meant, certain=meant is not None)
    fix = meant or (str(words[0]) if len(words) == 1 else None)
    return Diagnostic(
        "bad-value",
        message,
        place.span,
        caret=hint(text, words),
        help=f"write `{meant}`" if meant is not None and certain(text, words) else f"write {choice(f'`{w}`' for w in words)}",
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
        example = example_of(place.field)
        must = place.field is not None and place.field.is_required() and example is not None
        help_ = f"write for example `{entry(place.name, example)}`" if must else "write a value, or remove the key"
        return Diagnostic("wrong-type", message, place.key, help=help_)
    message = f"`{place.name}` wants {wants(place.annotation, place.field)}, not {found(node)}"
    if place.field is not None and flag(place.field) is True:
        later = f"`{place.name}` is a word of the language that nothing runs by yet"
        return Diagnostic("wrong-type", later, place.span, help=f"remove `{place.name}`")
    fix = _retyped(place)
    if fix is None and (full := whole(place)) is not None:
        help_ = f"write `- {full}`" if place.name.endswith("]") else f"write `{place.name}: {full}`"
        return Diagnostic("wrong-type", message, place.span, help=help_, replacement=full, certain=True)
    written = entry(place.name, plain(node.items[0])) if isinstance(node, Sequence) and fix else fix
    help_ = f"write `{written}`" if fix else shaped(place)
    return Diagnostic("wrong-type", message, place.span, help=help_, replacement=fix, certain=fix is not None)


def _of_time(place: Place, root: Place) -> Diagnostic | None:
    """The fault that a window of rows is given as a length of time: so many come in it, where the traffic is declared."""
    node = place.node
    if place.path[-2:] != ("monitoring", "window") or not isinstance(node, Scalar):
        return None
    try:
        length = duration(_shortened(node.text) or node.text)
    except ValueError:
        return None
    declared = node_at(root, ("serving", "traffic"))
    text, said = declared.text if isinstance(declared, Scalar) else "", "for example `window: {rows: 2000}`"
    with suppress(ValueError):
        rows = max(100, round(rate(text) * (length / timedelta(days=1))))
        said = f"`window: {{rows: {rows}}}`, which come in {node.text} at {text}"
    help_ = f"write {said}; `every` of `monitoring` says how often windows are looked at"
    return Diagnostic("wrong-type", f"a window is so many rows, and not so long as `{node.text}`", place.span, help=help_)


_THOUSANDS = re.compile(r"\s*(\d+(?:\.\d+)?)\s*([kKM])\s*")
_SHARE = re.compile(r"\s*(\d+(?:\.\d+)?)\s*%\s*")


def _retyped(place: Place) -> str | None:
    """The same value in the wanted type, where that is unambiguous."""
    node = place.node
    types = members(place.annotation)
    if isinstance(node, Sequence) and len(node.items) == 1 and isinstance(only := node.items[0], Scalar):
        # One value in a list of its own, where one is wanted.
        return only.text if fits(place.annotation, place.field, only) and not only.style and isinstance(only.value, str) else None
    if not isinstance(node, Scalar) or len(node.text) >= 200:  # noqa: PLR2004 - longer is no slip
        return None
    if node.value is False and any("none" in literals(member) for member in types):
        return "none"
    if str in types and not isinstance(node.value, str):
        return _as_words(node.text, place)
    if bool in types and node.text.casefold() in ("true", "false", "yes", "no", "on", "off"):
        return "true" if node.text.casefold() in ("true", "yes", "on") else "false"
    number = _number(node, types) if {int, float} & set(types) and isinstance(node.value, str | float) else None
    return number if number is not None else _listed(node, types)


def _as_words(text: str, place: Place) -> str | None:
    """A number or a truth value as the text that is wanted: quoted, or with the word of the field's example; None where it is neither."""
    about = place.field.metadata if place.field is not None else []
    if any(isinstance(item, Speaks) for item in about):
        return None
    pattern = next((found for item in about if (found := getattr(item, "pattern", None)) is not None), None)
    if pattern is None or re.search(pattern, text):
        return f'"{text}"'
    _, space, word = str(example_of(place.field) or "").partition(" ")
    return f"{text} {word}" if space and re.search(pattern, f"{text} {word}") else None


def _number(node: Scalar, types: tuple[Any, ...]) -> str | None:
    """Text as the number that it says; a share as a part of one."""
    share = _SHARE.fullmatch(node.text)
    if float in types and share is not None:
        return f"{float(share[1]) / 100:g}"
    thousands = _THOUSANDS.fullmatch(node.text)
    if thousands is not None:
        return f"{float(thousands[1]) * (1_000 if thousands[2] in 'kK' else 1_000_000):.0f}"
    if isinstance(node.value, float) and node.value.is_integer():
        return str(int(node.value)) if int in types and float not in types else None
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
    both = BETWEEN.fullmatch(node.text)
    return f"[{both[1]}, {both[2]}]" if both is not None and len(arguments) == 2 else None  # noqa: PLR2004 - a range


def _refused(place: Place, error: Exception) -> Diagnostic:  # noqa: PLR0911 - one line a way to be refused
    node = place.node
    if isinstance(error, BadName) and place.is_key:
        return _bad_name(place, error)
    if literals(place.annotation) and isinstance(node, Scalar) and node.value is not None and len(members(place.annotation)) == 1:
        return bad_literal(place)
    if (not isinstance(node, Scalar) and not place.is_key) or (isinstance(node, Scalar) and node.value is None):
        return wrong_type(place)
    if isinstance(error, MissingUnit):
        return _without_unit(place, error)
    if isinstance(error, Ambiguous):
        said = choice(f"`{meaning}`" for meaning in error.meanings)
        return Diagnostic("ambiguous-percent", f"`{place.name}`: {cut(str(error))}", place.span, help=f"write {said}")
    if isinstance(error, BadName):
        return _bad_name(place, error)
    known = quantity_of(place.annotation, place.field)
    if known is duration and isinstance(node, Scalar) and (fixed := _shortened(node.text)):
        return _rewritten(place, error, fixed)
    if len(members(place.annotation)) > 1:
        return wrong_type(place)
    fixed = _written(node.text, known) if isinstance(node, Scalar) else None
    if fixed is not None:
        return _rewritten(place, error, fixed)
    about = f"write about `{long}`" if known is duration and isinstance(node, Scalar) and (long := _by_calendar(node.text)) else None
    return Diagnostic("bad-value", f"`{place.name}`: {cut(str(error))}", place.span, help=_other_split(place) or about or shaped(place))


def _rewritten(place: Place, error: Exception, fixed: str) -> Diagnostic:
    """A quantity in other words than the language's."""
    message = f"`{place.name}`: {cut(str(error))}"
    return Diagnostic("bad-value", message, place.span, help=f"write `{fixed}`", replacement=fixed, certain=True)


def _written(text: str, known: Any) -> str | None:  # noqa: ANN401 - a function of `quantity`, or None
    """`25 %` as `25%`, `2 times` as `2x`, `4Gi` as `4GiB`, `8 rps` as `8/s`."""
    number = re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*([%A-Za-z]+)\s*", text)
    unit = number[2].casefold() if number is not None else ""
    if number is not None and known is percentage and unit in ("%", "percent", "pct", "p.c."):
        return f"{number[1]}%"
    if number is not None and known is ratio and unit in ("x", "times", "fold"):
        return f"{number[1]}x"
    if number is not None and known is size and unit[0] in "kmgt" and unit[1:] in ("", "i", "b", "ib"):
        return f"{number[1]}{unit[0].upper()}{'i' if 'i' in unit else ''}B"
    return _rate(text) if known is rate else None


def _by_calendar(text: str) -> str | None:
    """A month, a quarter or a year in days: their lengths differ, so that only its writer knows."""
    found = re.fullmatch(r"\s*(\d+|an?|one)?\s*(month|quarter|year|mon|mo|y|yr|q)s?(?:ly)?\s*", text.casefold())
    if found is None:
        return None
    days = {"m": 30, "q": 90, "y": 365}[found[2][0]]
    return f"{days * (int(found[1]) if found[1] and found[1].isdigit() else 1)}d"


def _without_unit(place: Place, error: MissingUnit) -> Diagnostic:
    """A share or a ratio has one sign; a time has several units, and which was meant only its writer knows."""
    node, quantity = place.node, quantity_of(place.annotation, place.field)
    known = quantity in (percentage, ratio) and isinstance(node, Scalar) and node.value != 1
    said = f"write `{error.fixed}`"
    if quantity is duration and isinstance(node, Scalar):
        said = _other_split(place) or _units(node, str(example_of(place.field) or ""))
    message = f"`{place.name}`: {cut(str(error))}"
    return Diagnostic("missing-unit", message, place.span, help=said, replacement=error.fixed, certain=known)


_HOUR = 3600


def _units(node: Scalar, example: str) -> str:
    """What a number may be as a length of time: in the units that such lengths have."""
    if isinstance(node.value, int) and node.value >= _HOUR and node.value % 60 == 0:
        return f"write `{write_duration(timedelta(seconds=node.value))}` if these are seconds, or give the number its unit: `{node.text}d`"
    units = ("ms", "s", "m") if example.endswith("ms") else ("d", "h", "m", "s")
    names = {"ms": "milliseconds", "s": "seconds", "m": "minutes", "h": "hours", "d": "days"}
    return f"write {choice(f'`{node.text}{unit}`' for unit in units)} for {choice(names[unit] for unit in units)}"


def _as_share(node: Scalar) -> str:
    """The share that somebody wrote, with its sign."""
    return f"holdout: {node.text}" if node.text.endswith("%") else f"holdout: {float(node.text) * 100:g}%"


def _other_split(place: Place) -> str | None:
    """What is held out is a share or a time, as the split says."""
    if not place.path or place.path[-2:] != ("split", "holdout") or not isinstance(place.node, Scalar):
        return None
    share = _SHARE.fullmatch(place.node.text) is not None or (isinstance(place.node.value, float) and 0 < place.node.value < 1)
    if quantity_of(place.annotation, place.field) is duration and share:
        return (
            f"by time a length is held out, and no share: write for example `holdout: 90d`, or `by: random` with `{_as_share(place.node)}`"
        )
    if quantity_of(place.annotation, place.field) is percentage and not share:
        return "write for example `holdout: 20%`; a length of time is held out `by: time`"
    return None


def _rate(text: str) -> str | None:
    """`1000 per day` as `1000/d`."""
    text = re.sub(r"(\d+(?:\.\d+)?)\s*([kKM])\b", lambda m: f"{float(m[1]) * (1_000 if m[2] in 'kK' else 1_000_000):.0f}", text)
    words = re.fullmatch(r"\s*([\d,_]+(?:\.\d+)?)\s*(?:req(?:uest)?s?)?\s*(?:/|per|a|an|p)?\s*([a-z]+?)s?\s*", text.casefold())
    unit = {"rp": "s", "qp": "s"}.get(words[2], _WORDS.get(words[2])) if words else None
    if words is None or unit in (None, "ms"):
        return None
    return f"{words[1].replace(',', '').replace('_', '')}/{unit}"


def _of_its_shape(place: Place) -> bool:
    """Whether a section, or a list, stands where one belongs: what is wrong is its content."""
    if isinstance(place.node, Sequence):
        return get_origin(bare(place.annotation)) in {tuple, list}
    return isinstance(place.node, Mapping) and model_of(place.annotation) is not None


def _whole(place: Place, error: Exception) -> Diagnostic:
    """What a validator of its own says of a section's keys together, or of a list."""
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
    if re.fullmatch(r"[DWHdwh]", text):
        return f"1{text.casefold()}"
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
    number = place.node.value if isinstance(place.node, Scalar) else None
    help_ = f"write a value {words} {said}"
    example = example_of(place.field)
    no_sense = word(place.name, given, ())
    if no_sense is not None:
        help_ = no_sense.help
    elif isinstance(number, int | float) and bound in ("lt", "le") and value == 1 and known is None and 1 < number <= 100:  # noqa: PLR2004 - percent
        help_ = f"write `{number / 100:g}`"
    elif place.name == "worse_by_at_most" and bound == "ge":
        help_ = "write `0`"  # not the same without its sign: that would allow what was to be forbidden
    elif isinstance(number, int | float) and bound == "ge" and value == 0 and number < 0:
        help_ = f"write `{-number:g}`"
    elif isinstance(example, str | int | float) and str(example) != given:
        help_ = f"{help_}, such as `{example}`"
    return Diagnostic("out-of-range", f"`{place.name}` is {words} {said}, and this is `{short(given)}`", place.span, help=help_)
