"""A document to a spec: which kind it is, and every fault in it at its node."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Iterator
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field, replace
from typing import Any, TypeVar, cast, get_origin

from pydantic import BaseModel, ValidationError

from headrace.address import Path
from headrace.diagnostics import Diagnostic, Report, Span
from headrace.document import FROM_SHELL, UNREADABLE, Entry, Mapping, Node, Scalar, Sequence
from headrace.spec import KINDS, AnyKind, foreign
from headrace.spec.as_meant import Changes, as_meant, by_name, plainest, seeming, with_tags
from headrace.spec.fault import absent, diagnose, tag_of, wants_one_of
from headrace.spec.field import Lacking, Spec
from headrace.spec.foreign_value import kind as kind_said
from headrace.spec.halves import Halves, halves
from headrace.spec.meaning import node_at
from headrace.spec.missing import Missing
from headrace.spec.name import BadName
from headrace.spec.params import read_params
from headrace.spec.place import Place, bare, follow, keys, members, model_of
from headrace.spec.plain import plain
from headrace.spec.unknown_key import Meant, is_slip, other_keys, unknown_key
from headrace.spec.wording import certain, choice, found, nearest, short

M = TypeVar("M", bound=BaseModel)


def decode(node: Node, report: Report) -> AnyKind | None:
    """The spec that a document is, or None after faults at their nodes."""
    return read(node, report).spec


@dataclass(frozen=True, slots=True)
class Reading:
    """A document as it was understood."""

    node: Node
    """With the slips that can only be one thing as that; the document itself where it is valid."""
    spec: AnyKind | None
    """None where anything is wrong with it."""


def read(node: Node, report: Report) -> Reading:
    """A document, and every fault in it at its node: those too that lie behind a slip which can only be one thing."""
    before, changes = len(report.found), Changes()
    spec = _decoded(node, report, changes)
    if spec is not None or not isinstance(node, Mapping):
        return Reading(node, spec)
    said, found = report.found[before:], report.found[before:]
    for _ in range(_ROUNDS):
        meant = as_meant(node, found, changes)
        if meant is node:
            break
        node, changes, again = meant, Changes(), Report()
        _decoded(node, again, changes)
        found = again.found
        said += _new(found, said)
    if changes.tags:
        again = Report()
        _decoded(with_tags(node, changes), again, Changes())
        said += _new(again.found, said)
    report.found[before:] = said
    return Reading(node, None)


_ROUNDS = 8
"""How often what a slip hid is looked at again."""


def _new(found: Iterable[Diagnostic], said: Iterable[Diagnostic]) -> list[Diagnostic]:
    """What was not said yet, at places of which nothing was said."""
    places = {diagnostic.span for diagnostic in said}
    return [diagnostic for diagnostic in found if diagnostic.span not in places]


def _decoded(node: Node, report: Report, changes: Changes) -> AnyKind | None:
    cls = kind_of(node, report, changes)
    if cls is None or not isinstance(node, Mapping):
        return None
    # Keys beginning with `x-` belong to the user: anchors stand there.
    own = Mapping(tuple(e for e in node.entries if not e.key.startswith("x-")), node.span)
    kind = next(word for word, known in KINDS.items() if known is cls)
    aside = Changes()
    spec = check(cls, own, report, name=f"this {kind}", key=_first(node), strict=True, changes=aside)
    changes.moved += [(entry, node if target is own else target) for entry, target in aside.moved]
    changes.opened += aside.opened
    changes.named += aside.named
    changes.tags += [(node if owner is own else owner, tag) for owner, tag in aside.tags]
    return cast("AnyKind | None", spec)


def check(
    cls: type[M],
    node: Mapping,
    report: Report,
    *,
    name: str,
    key: Span,
    path: Path = (),
    strict: bool = False,
    changes: Changes | None = None,
) -> M | None:
    """A value of a pydantic model from a mapping, or None after faults; `name` is what the user calls the mapping.

    With `strict`, lists arrive as tuples and keys by their alias; without, as JSON, which is how a plugin's parameters are read.
    What the faults say of another shape that was meant goes to `changes`.
    """
    without = unready(node)
    report.extend(_not_finite(scalar) for scalar in without if scalar.style != UNREADABLE)
    root = Place(cls, node, key, name, path=path)
    value, error = _value(cls, plain(node), strict=strict)
    texts = _as_text(error, root) if error is not None else frozenset()
    if texts:
        value, error = _value(cls, plain(node, texts), strict=strict)
    if error is not None:
        changes = changes if changes is not None else Changes()
        report.extend(_diagnostics(error, root, {id(n) for n in without}, report.texts.get(key.file), changes))
    return value if not without else None


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


def _first(node: Mapping) -> Span:
    return node.entries[0].key_span if node.entries else node.span


def kind_of(node: Node, report: Report, changes: Changes) -> type[Spec] | None:
    """The class of a document's kind, or None after a fault."""
    if not isinstance(node, Mapping):
        report.add(
            Diagnostic("not-a-mapping", f"a document is keys with values, not {found(node)}", node.span, help="begin with `kind: model`")
        )
        return None
    entry = node.get("kind")
    if entry is None:
        _no_kind(node, report, changes)
        return None
    word = entry.value.value if isinstance(entry.value, Scalar) else None
    if isinstance(word, str) and word in KINDS:
        return KINDS[word]
    meant = nearest(word, KINDS) if isinstance(word, str) else None
    sure = certain(word, KINDS)
    other = kind_said(word, KINDS) if isinstance(word, str) and not sure else None
    if other is not None:
        message = f"`kind` cannot be {found(entry.value)}"
        report.add(
            Diagnostic("unknown-kind", message, entry.value.span, help=other.help, replacement=other.word, certain=other.word is not None)
        )
        return None
    report.add(
        Diagnostic(
            "unknown-kind",
            f"`kind` cannot be {found(entry.value)}",
            entry.value.span,
            caret=f"did you mean `{meant}`?" if meant else None,
            help=f"write `{meant}`" if sure else f"write {choice(f'`{kind}`' for kind in KINDS)}",
            replacement=meant,
            certain=sure,
        )
    )
    return None


def _no_kind(node: Mapping, report: Report, changes: Changes) -> None:
    message = "this document has no `kind`"
    slip = next((e for e in node.entries if nearest(e.key, ["kind"])), None)
    if slip is not None:
        sure = certain(slip.key, ["kind"])
        caret, help_ = "did you mean `kind`?", "write `kind`"
        report.add(Diagnostic("missing-kind", message, slip.key_span, caret, help_, replacement="kind", certain=sure))
        return
    other = foreign.document(node)
    seems = _seeming_kind(node) if other is None else None
    if seems is not None:
        changes.tags.append((node, Entry("kind", _first(node), Scalar(seems, seems, _first(node)))))
    mend = f"write `kind: {seems}`" if seems else f"write `kind:` with {choice(f'`{kind}`' for kind in KINDS)}"
    report.add(Diagnostic("missing-kind", message, _first(node), help=other or mend))


def _seeming_kind(node: Mapping) -> str | None:
    """The kind that has most of a document's keys: none where several have as many."""
    given = {entry.key for entry in node.entries} - {"name", "description", "owner", "labels", "annotations"}
    counts = sorted((len(given & set(keys(cls))), kind) for kind, cls in KINDS.items())
    (second, _), (best, kind) = counts[-2:]
    return kind if best > second else None


def unready(node: Node) -> list[Scalar]:
    """Values that no field may have: numbers that are none, and expressions that could not be replaced."""
    found: list[Scalar] = []
    left = [node]
    while left:
        here = left.pop()
        match here:
            case Scalar():
                if here.style == UNREADABLE or (type(here.value) is float and not math.isfinite(here.value)):
                    found.append(here)
            case Sequence():
                left.extend(here.items)
            case Mapping():
                left.extend([entry.value for entry in here.entries])
    return found[::-1]


def _not_finite(node: Scalar) -> Diagnostic:
    return Diagnostic("not-finite", f"`{short(node.text)}` is no finite number", node.span, help="write a number")


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


def _diagnostics(error: ValidationError, root: Place, without: set[int], text: str | None, changes: Changes) -> Iterator[Diagnostic]:
    """One diagnostic a mistake: what follows from another is not said."""
    faults: dict[Path, tuple[Any, Place]] = {}
    said = error.errors(include_url=False)
    strange = {item["loc"][-1] for item in said if item["type"] == "extra_forbidden"}
    for item in (_one_of_some(item, root, strange) for item in said):
        place = follow(root, item["loc"])
        # A key that has no place here has none whatever it holds.
        if place is None or (id(place.node) in without and item["type"] != "extra_forbidden") or _follows(item, place):
            continue
        if item["type"] == "dict_type" and isinstance(place.node, Sequence) and by_name(place.node) is not None:
            changes.named.append(place.node)
        faults.setdefault(*_tagged(item, place, changes))
    split = list(halves([place for item, place in faults.values() if item["type"] == "missing"], root))
    yield from (both.diagnostic for both in split)
    faults = {path: fault for path, fault in faults.items() if not _within(path, split)}
    missing = Missing(path for path, (item, _) in faults.items() if item["type"] == "missing" and isinstance(path[-1], str))
    followed: set[Path] = set()
    strangers = [place for item, place in faults.values() if item["type"] == "extra_forbidden"]
    strangers = sorted(strangers, key=lambda place: not is_slip(place, root)) + list(_under_names(faults, missing, root))
    beside: dict[Path, list[Place]] = {}
    for place in strangers:
        beside.setdefault(place.path[:-1], []).append(place)
    below = _below(faults)
    for place in strangers:
        if place.path in followed:
            continue
        meant = other_keys(place, beside[place.path[:-1]], root, missing) or unknown_key(place, root, missing, text)
        explained = meant.explains | below.get(place.path, set())
        followed |= explained
        missing.drop(explained)
        _change(place, root, meant, changes)
        yield meant.diagnostic
    told = {path: fault for path, fault in faults.items() if path not in followed}
    for lacking in missing.by_mapping():
        yield absent([told.pop(path)[1] for path in lacking if path in told], root)
    lists = _lists(told)
    for path, (item, place) in told.items():
        if not _one_of_many(path, item, lists, root):
            yield diagnose(item, place, root)


def _one_of_some(item: Any, root: Place, strange: AbstractSet[Any]) -> Any:  # noqa: ANN401 - pydantic's ErrorDetails
    """Where one of some keys must be there: the one that is there and empty is of a wrong type; or one is missing.

    That is the one which stands where it does not belong, if one of them is among the `strange` keys, or the first.
    """
    error = item.get("ctx", {}).get("error")
    if not isinstance(error, Lacking):
        return item
    owner = follow(root, item["loc"])
    if owner is not None and isinstance(owner.node, Mapping):
        for key in error.keys:
            if owner.node.get(key) is not None:
                return {"type": "string_type", "loc": (*item["loc"], key), "input": None, "ctx": {}}
    missing = next((key for key in error.keys if key in strange), error.keys[0])
    return {"type": "missing", "loc": (*item["loc"], missing), "input": None, "ctx": {}}


def _within(path: Path, split: Iterable[Halves]) -> bool:
    """Whether a fault is of an item that is one with its neighbour."""
    return any(path[: len(item)] == item for both in split for item in both.items)


def _below(faults: Iterable[Path]) -> dict[Path, set[Path]]:
    """By each path at or above a fault: the faults there."""
    found: dict[Path, set[Path]] = {}
    for path in faults:
        for length in range(len(path) + 1):
            found.setdefault(path[:length], set()).add(path)
    return found


@dataclass(slots=True)
class _Told:
    """What is wrong with the items of one list, item by item."""

    first: dict[str, int] = field(default_factory=dict)
    """By the type of a fault, the first item that has it."""
    count: Counter[str] = field(default_factory=Counter)


def _lists(told: dict[Path, tuple[Any, Place]]) -> dict[Path, _Told]:
    """The lists of which some item is wrong."""
    found: dict[Path, _Told] = {}
    for path, (item, _) in told.items():
        if path and isinstance(path[-1], int):
            of = found.setdefault(path[:-1], _Told())
            of.first[item["type"]] = min(path[-1], of.first.get(item["type"], path[-1]))
            of.count[item["type"]] += 1
    return found


def _one_of_many(path: Path, item: Any, lists: dict[Path, _Told], root: Place) -> bool:  # noqa: ANN401 - pydantic's ErrorDetails
    """Whether another item of the same list says it: what is wrong in it before what it lacks, and one for all that are of a wrong type."""
    if not path or not isinstance(path[-1], int):
        return False
    told = lists[path[:-1]]
    if item["type"] == "missing":
        return len(told.count) > 1 or told.first["missing"] < path[-1]
    owner = node_at(root, path[:-1])
    whole = isinstance(owner, Sequence) and told.count[item["type"]] == len(owner.items)
    kind = item["type"].endswith("_type") or isinstance(item.get("ctx", {}).get("error"), BadName)
    return whole and kind and told.first[item["type"]] < path[-1]


def _under_names(faults: Iterable[Path], missing: Missing, root: Place) -> Iterator[Place]:
    """Keys that are missing elsewhere and stand where names are the user's own, so that what they hold is wrong there."""
    alone = {path[-1]: path for path in missing if missing.once(str(path[-1])) == path}
    places: dict[Path, dict[Path, None]] = {path: {} for path in alone.values()}
    for fault in faults:
        for at, part in enumerate(fault):
            if part in alone and fault[: at + 1] != alone[part]:
                places[alone[part]][fault[: at + 1]] = None
    for where in places.values():
        for path in where:
            owner = follow(root, path[len(root.path) : -1])
            entry = owner.node.get(str(path[-1])) if owner is not None and isinstance(owner.node, Mapping) else None
            if owner is not None and entry is not None and get_origin(bare(owner.annotation)) is dict:
                nothing: type[BaseModel] = Spec  # has no keys: here they are the user's
                inside = (*owner.owners, (nothing, owner.name))
                yield Place(Any, entry.value, entry.key_span, entry.key, inside, path)
                break


def _change(place: Place, root: Place, meant: Meant, changes: Changes) -> None:
    """Note what a wrong key says of the shape that was meant."""
    around = node_at(root, place.path[:-1])
    entry = around.get(place.name) if isinstance(around, Mapping) else None
    if entry is not None and meant.home is not None:
        changes.moved.append((entry, meant.home))
    elif entry is not None and meant.opens:
        changes.opened.append(entry)


def _tagged(item: Any, place: Place, changes: Changes) -> tuple[Path, tuple[Any, Place]]:  # noqa: ANN401 - pydantic's ErrorDetails
    """A fault by its path: where the tag of a union is missing, and one of the keys there is misspelt, that key is the fault."""
    tag = tag_of(place) if item["type"] == "union_tag_not_found" else None
    if tag is None or not isinstance(place.node, Mapping):
        return place.path, (item, place)
    known = {key for member in members(place.annotation) if (model := model_of(member)) for key in keys(model)}
    slip = next((entry for entry in place.node.entries if entry.key not in known and nearest(entry.key, [tag.name])), None)
    if slip is None:
        entry = seeming(place)
        if entry is not None and isinstance(entry.value, Scalar):
            changes.tags.append((place.node, entry))
            tag = replace(tag, annotation=wants_one_of((entry.value.value,)))
        elif (plain_one := plainest(place)) is not None:
            changes.tags.append((place.node, plain_one))
        return tag.path, ({"type": "missing"}, tag)
    owner = (tag.owners[0][0], place.name)
    wrong = Place(Any, slip.value, slip.key_span, slip.key, (*place.owners, owner), (*place.path, slip.key))
    return wrong.path, ({"type": "extra_forbidden"}, wrong)
