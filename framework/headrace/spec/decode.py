"""A document to a spec: which kind it is, and every fault in it at its node."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any, TypeVar, cast

from pydantic import BaseModel, ValidationError

from headrace.address import Path
from headrace.diagnostics import Diagnostic, Report, Span
from headrace.document import FROM_SHELL, Mapping, Node, Scalar, Sequence
from headrace.spec import KINDS, AnyKind
from headrace.spec.fault import diagnose
from headrace.spec.field import Spec
from headrace.spec.params import read_params
from headrace.spec.place import Place, follow
from headrace.spec.wording import choice, found, nearest, short

M = TypeVar("M", bound=BaseModel)


def decode(node: Node, report: Report) -> AnyKind | None:
    """The spec that a document is, or None after faults at their nodes."""
    cls = _kind(node, report)
    if cls is None or not isinstance(node, Mapping):
        return None
    # Keys beginning with `x-` belong to the user: anchors stand there.
    own = Mapping(tuple(e for e in node.entries if not e.key.startswith("x-")), node.span)
    kind = next(word for word, known in KINDS.items() if known is cls)
    spec = check(cls, own, report, name=f"this {kind}", key=_first(node), strict=True)
    return cast("AnyKind | None", spec)


def check(cls: type[M], node: Mapping, report: Report, *, name: str, key: Span, path: Path = (), strict: bool = False) -> M | None:
    """A value of a pydantic model from a mapping, or None after faults; `name` is what the user calls the mapping.

    With `strict`, lists arrive as tuples and keys by their alias; without, as JSON, which is how a plugin's parameters are read.
    """
    unready = list(_unready(node))
    report.extend(diagnostic for _, diagnostic in unready)
    root = Place(cls, node, key, name, path=path)
    value, error = _value(cls, plain(node), strict=strict)
    texts = _as_text(error, root) if error is not None else frozenset()
    if texts:
        value, error = _value(cls, plain(node, texts), strict=strict)
    if error is not None:
        report.extend(_diagnostics(error, root, {id(n) for n, _ in unready}))
    return value if not unready else None


def _value(cls: type[M], given: Any, *, strict: bool) -> tuple[M | None, ValidationError | None]:  # noqa: ANN401 - the language's values
    try:
        if strict:
            return cls.model_validate(given, by_alias=True, by_name=False), None
        return read_params(cls, given), None
    except ValidationError as error:
        return None, error


def _as_text(error: ValidationError, root: Place) -> frozenset[int]:
    """The scalars that came from the shell as `012` or `true`, and are wanted as the text that they were there."""
    wanted = (follow(root, item["loc"]) for item in error.errors(include_url=False) if item["type"] == "string_type")
    nodes = (place.node for place in wanted if place is not None)
    return frozenset(id(node) for node in nodes if isinstance(node, Scalar) and node.style == FROM_SHELL)


def plain(node: Node, texts: frozenset[int] = frozenset()) -> Any:  # noqa: ANN401 - the language's values
    """A node's value: mappings as dict, lists as tuple; of the scalars in `texts` (by identity) the text."""
    match node:
        case Scalar(value):
            return node.text if texts and id(node) in texts else value
        case Sequence(items):
            return tuple(plain(item, texts) for item in items)
        case Mapping(entries):
            return {entry.key: plain(entry.value, texts) for entry in entries}


def _first(node: Mapping) -> Span:
    return node.entries[0].key_span if node.entries else node.span


def _kind(node: Node, report: Report) -> type[Spec] | None:
    if not isinstance(node, Mapping):
        report.add(
            Diagnostic("not-a-mapping", f"a document is keys with values, not {found(node)}", node.span, help="begin with `kind: model`")
        )
        return None
    entry = node.get("kind")
    if entry is None:
        _no_kind(node, report)
        return None
    word = entry.value.value if isinstance(entry.value, Scalar) else None
    if isinstance(word, str) and word in KINDS:
        return KINDS[word]
    meant = nearest(word, KINDS) if isinstance(word, str) else None
    report.add(
        Diagnostic(
            "unknown-kind",
            f"`kind` cannot be {found(entry.value)}",
            entry.value.span,
            caret=f"did you mean `{meant}`?" if meant else None,
            help=f"write {choice(f'`{kind}`' for kind in KINDS)}",
            replacement=meant,
        )
    )
    return None


def _no_kind(node: Mapping, report: Report) -> None:
    slip = next((e for e in node.entries if nearest(e.key, ["kind"])), None)
    caret = "did you mean `kind`?" if slip else None
    span = slip.key_span if slip else _first(node)
    message = "this document has no `kind`"
    report.add(Diagnostic("missing-kind", message, span, caret, help=f"write `kind:` with {choice(f'`{kind}`' for kind in KINDS)}"))


def _unready(node: Node) -> Iterator[tuple[Node, Diagnostic]]:
    """Values that no field may have: numbers that are none."""
    match node:
        case Scalar(value=float() as number) if not math.isfinite(number):
            yield node, Diagnostic("not-finite", f"`{short(node.text)}` is no finite number", node.span, help="write a number")
        case Sequence(items):
            for item in items:
                yield from _unready(item)
        case Mapping(entries):
            for entry in entries:
                yield from _unready(entry.value)
        case _:
            pass


def _follows(item: Any, place: Place) -> bool:  # noqa: ANN401 - pydantic's ErrorDetails
    """Whether a list is called too short only since pydantic does not count the items that are broken."""
    least: int = item["ctx"]["min_length"] if item["type"] == "too_short" else 0
    match place.node:
        case Sequence(items) if least:
            return len(items) >= least
        case Mapping(entries) if least:
            return len(entries) >= least
        case _:
            return False


def _diagnostics(error: ValidationError, root: Place, unready: set[int]) -> Iterator[Diagnostic]:
    found: dict[Path, Diagnostic] = {}
    for item in error.errors(include_url=False):
        place = follow(root, item["loc"])
        if place is None or id(place.node) in unready or _follows(item, place):
            continue
        if place.path not in found:
            found[place.path] = diagnose(item, place)
    # A misspelt key is missing under its right name: that follows from the slip, and is not said.
    meant = {(*place_path[:-1], d.replacement) for place_path, d in found.items() if d.id == "unknown-key" and d.replacement}
    for place_path, diagnostic in found.items():
        if diagnostic.id != "missing-key" or place_path not in meant:
            yield diagnostic
