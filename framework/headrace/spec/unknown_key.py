"""What was meant by a key that the language does not have in its place: a slip, a key of another place, or nothing that is known."""

from __future__ import annotations

from collections.abc import Iterator
from collections.abc import Sequence as Many
from dataclasses import dataclass, replace
from functools import cache
from typing import Any, get_args, get_origin

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from headrace.address import Path
from headrace.diagnostics import Diagnostic
from headrace.diagnostics.secret import holds_secret
from headrace.document import Entry, Mapping, Node, Scalar, Sequence, write_flow
from headrace.document.move import move
from headrace.spec.fits import fits
from headrace.spec.foreign import SAME, instead
from headrace.spec.foreign_section import Instead, snake
from headrace.spec.foreign_value import parameters
from headrace.spec.later import live
from headrace.spec.meaning import crosses, node_at, one_meaning
from headrace.spec.missing import Missing
from headrace.spec.name import ParamsOf
from headrace.spec.place import Place, bare, keys, literals, members, metadata, model_of
from headrace.spec.plain import plain
from headrace.spec.secret import REFERENCE, capable
from headrace.spec.wording import certain, choice, nearest, short

_DEEPEST = 8
_SHORTEST = 2
"""Letters of a key that may hold a slip: `mn` can only be `min`."""
_NAMED = 6
"""How many unknown keys of one mapping a message names."""
_MANY = 4
"""A key of more places than this says nothing about where it belongs."""


@dataclass(frozen=True, slots=True)
class Meant:
    """A fault, and the missing keys that follow from it: those are not said as well."""

    diagnostic: Diagnostic
    explains: frozenset[Path] = frozenset()
    home: Mapping | None = None
    """The mapping that the key was surely meant for."""
    opens: bool = False
    """Whether what stands below the key belongs where the key stands."""


@dataclass(frozen=True, slots=True)
class _Home:
    """A place of the language that has the key."""

    keys: tuple[str, ...]
    models: tuple[type[BaseModel], ...]
    target: Mapping | None = None
    """The mapping in the document, where it is written and can only be this one."""
    taken: bool = False
    """Whether the key stands there already: it was hardly meant to stand there twice."""


@dataclass(frozen=True, slots=True)
class _Unknown:
    """The key, where it stands, and what the document lacks."""

    place: Place
    root: Place
    missing: Missing
    text: str | None

    @property
    def key(self) -> str:
        return self.place.name

    @property
    def owner(self) -> type[BaseModel]:
        return self.place.owners[-1][0]

    @property
    def name(self) -> str:
        return quoted(self.place.owners[-1][1])

    @property
    def around(self) -> Mapping | None:
        """The mapping in which the key stands."""
        found = node_at(self.root, self.place.path[:-1])
        return found if isinstance(found, Mapping) else None

    @property
    def free(self) -> list[str]:
        """The keys that could still be written there."""
        around = self.around
        return [word for word in keys(self.owner) if word != "kind" and (around is None or around.get(word) is None)]

    @property
    def of_overlay(self) -> bool:
        """Whether the key stands outside of the document: an overlay added it."""
        here, key = self.root.node.span if self.root.node is not None else self.root.key, self.place.key
        return here.file != key.file or not here.line <= key.line <= here.end_line

    @property
    def lacking(self) -> list[str]:
        """The keys that must be there, and are not; of a mapping that is none of the language's, those of nothing else."""
        known = keys(self.owner)
        return [word for path in self.missing.of(self.place.path[:-1]) if (word := str(path[-1])) in known]


def unknown_key(place: Place, root: Place, missing: Missing, text: str | None = None) -> Meant:
    """The fault of a key; `missing` are the paths of keys that the document lacks, `text` is the file's, for a change to it."""
    unknown = _Unknown(place, root, missing, text)
    known = _instead(unknown)
    absent = missing.once(unknown.key)
    if absent is not None:
        return _absent_elsewhere(unknown, absent)
    if known is not None and (known.sure or not certain(unknown.key, unknown.free, _SHORTEST)):
        return _foreign(unknown, known)
    if certain(unknown.key, unknown.free, _SHORTEST):
        return _misspelt(unknown)
    return _other_way(unknown) or _parameter(unknown) or _foreign_below(unknown) or _elsewhere(unknown) or _misspelt(unknown)


def _other_way(unknown: _Unknown) -> Meant | None:
    """`gap` beside `by: random`: a key of the same mapping written another way."""
    around, owners = unknown.around, unknown.place.owners
    field = next((part for part in reversed(unknown.place.path[:-1]) if isinstance(part, str)), None)
    info = keys(owners[-2][0]).get(field) if len(owners) > 1 and field is not None else None
    if info is None or around is None:
        return None
    for member in members(info.annotation):
        other = model_of(member)
        if other is None or other is unknown.owner or unknown.key not in keys(other):
            continue
        for tag, of_tag in keys(unknown.owner).items():
            words = literals(keys(other)[tag].annotation) if tag in keys(other) and around.get(tag) is not None else ()
            if len(words) == 1 and words != literals(of_tag.annotation):
                message = f"`{short(unknown.key)}` is no key of {unknown.name}: it is for `{tag}: {words[0]}`"
                help_ = f"remove it, or write `{tag}: {words[0]}`"
                return Meant(Diagnostic("unknown-key", message, unknown.place.key, help=help_))
    return None


def _foreign_below(unknown: _Unknown) -> Meant | None:
    """`chunk_size: 2000` as `window: {rows: 2000}`: a key of another tool that is one level down here."""
    entry, found = _entry(unknown), set[tuple[str, str]]()
    words = SAME.get(unknown.key) or SAME.get(snake(unknown.key), ())
    for key, info in keys(unknown.owner).items():
        below = next((model for model in map(model_of, members(info.annotation)) if model is not None), None)
        found |= {(key, word) for word in words if below is not None and word in keys(below)}
    if entry is None or len(found) != 1:
        return None
    section, word = found.pop()
    text = write_flow({word: plain(entry.value)})[1:-1]
    there = section not in unknown.free
    help_ = f"write `{text}` below `{section}:`" if there else f"write `{section}: {{{text}}}`"
    message = f"`{short(unknown.key)}` is no key of {unknown.name}"
    explained = frozenset() if there else frozenset({(*unknown.place.path[:-1], section)})
    return Meant(Diagnostic("unknown-key", message, unknown.place.key, help=help_), explained)


def _instead(unknown: _Unknown) -> Instead | None:
    """What other tools mean by the key."""
    entry, around = _entry(unknown), unknown.around
    return instead(entry, unknown.place.owners[-1][1], unknown.free, around) if entry is not None and around is not None else None


def _parameter(unknown: _Unknown) -> Meant | None:
    """A parameter of the plugin that is named beside it, which stands one level too high."""
    info = keys(unknown.owner).get("params")
    entry, around = _entry(unknown), unknown.around
    takes = info is not None and any(isinstance(mark, ParamsOf) and mark == "algorithm" for mark in metadata(info.annotation, info))
    if not takes or entry is None or around is None or unknown.key not in parameters({unknown.key: None}):
        return None
    params = around.get("params")
    message, help_ = _belongs(unknown, (*unknown.place.path[:-1], "params"))
    if params is None or not isinstance(params.value, Mapping):
        return Meant(
            Diagnostic(
                "misplaced-key",
                message,
                unknown.place.key,
                help=f"write `params: {{{write_flow({unknown.key: plain(entry.value)})[1:-1]}}}`",
            )
        )
    if params.value.get(unknown.key) is not None:
        return Meant(Diagnostic("misplaced-key", message, unknown.place.key, help="it stands there already: remove it here"))
    change = _moved(unknown, params.value)
    return Meant(Diagnostic("misplaced-key", message, unknown.place.key, help=help_, edits=change, certain=bool(change)), home=params.value)


def _foreign(unknown: _Unknown, known: Instead) -> Meant:
    """A key that other tools have."""
    place, message = unknown.place, f"`{short(unknown.key)}` is no key of {unknown.name}"
    message += ", and what is in it belongs where it stands" if known.opens else ""
    sure = known.rename is not None or bool(known.edits)
    diagnostic = Diagnostic("unknown-key", message, place.key, help=known.help, replacement=known.rename, certain=sure, edits=known.edits)
    inside = [entry.key for entry in place.node.entries] if known.opens and isinstance(place.node, Mapping) else []
    explained = [*inside, *known.explains, *([known.rename] if known.rename is not None else [])]
    return Meant(diagnostic, frozenset((*place.path[:-1], key) for key in explained), opens=known.opens)


def _elsewhere(unknown: _Unknown) -> Meant | None:
    """A key of another place; None where it is no other place's either."""
    homes = _homes(unknown)
    if any(not home.taken for home in homes):
        free = [home for home in homes if not home.taken]
        return Meant(_misplaced(unknown, free), home=free[0].target if len(free) == 1 else None)
    wrapped = _wrapped(unknown)
    if wrapped is not None:
        return wrapped
    if len(homes) == 1 and len(unknown.lacking) != 1 and nearest(unknown.key, unknown.free) is None:
        return Meant(_misplaced(unknown, homes))
    return None


def other_keys(place: Place, beside: Many[Place], root: Place, missing: Missing) -> Meant | None:
    """One fault for a mapping of which no key is the language's: it was meant for another place, or written from memory.

    `beside` are the unknown keys of its mapping, itself among them.
    """
    unknown = _Unknown(place, root, missing, None)
    if unknown.around is None or len(beside) == 1 or len(beside) < len(unknown.around.entries) or not keys(unknown.owner):
        return None
    if any(is_slip(other, root) or missing.ever(other.name) for other in beside):
        return None
    named = [f"`{short(other.name)}`" for other in beside[:_NAMED]]
    more = len(beside) - len(named)
    message = f"{choice([*named, *([f'{more} others'] if more else [])])}: none is a key of {unknown.name}"
    diagnostic = Diagnostic("unknown-key", message, place.key, help=f"the keys are {', '.join(live(unknown.owner))}")
    return Meant(diagnostic, frozenset({*(other.path for other in beside), *missing.of(place.path[:-1])}))


def is_slip(place: Place, root: Place) -> bool:
    """Whether a key is surely a misspelt one of its own mapping; such faults explain what is missing before others do."""
    unknown = _Unknown(place, root, Missing(), None)
    known = _instead(unknown)
    return known is not None or certain(unknown.key, unknown.free, _SHORTEST)


def quoted(owner: str) -> str:
    """What the user calls a mapping, as a message says it."""
    return owner if owner.startswith(("this ", "a ")) else f"`{owner}`"


def _entry(unknown: _Unknown) -> Entry | None:
    return unknown.around.get(unknown.key) if unknown.around is not None else None


def _misspelt(unknown: _Unknown) -> Meant:
    place, key, allowed = unknown.place, unknown.key, [word for word in live(unknown.owner) if word != "kind"]
    meant = nearest(key, unknown.free)
    lacking = unknown.lacking
    help_ = f"the keys are {', '.join(allowed)}" if allowed else "remove it"
    if "params" in unknown.free and unknown.place.owners[-1][1] == "this channel":
        help_ = f"move it below `params:` if it is the type's; {help_}"
    if meant is not None:
        help_ = f"write `{meant}`"
    elif len(lacking) == 1 and _is_secret(keys(unknown.owner)[lacking[0]], place.node):
        help_ = f"write `{lacking[0]}: env:NAME`, and keep the value in the variable NAME of the shell: it is a secret"
    elif len(lacking) == 1 and _may_be(keys(unknown.owner)[lacking[0]], place.node):
        help_ = f"write `{lacking[0]}`, which is missing; {help_}"
    elif unknown.of_overlay and certain(key, allowed, _SHORTEST):
        meant = nearest(key, allowed)
        help_ = f"write `{meant}`"
    elif certain(key, allowed, _SHORTEST):
        help_ = f"`{nearest(key, allowed)}` is there already; {help_}"
    diagnostic = Diagnostic(
        "unknown-key",
        f"`{short(key)}` is no key of {unknown.name}",
        place.key,
        caret=f"did you mean `{meant}`?" if meant else None,
        help=help_,
        replacement=meant,
        certain=certain(key, unknown.free, _SHORTEST) or (unknown.of_overlay and meant is not None and certain(key, allowed, _SHORTEST)),
    )
    # A misspelt key is missing under its right name: that follows from the slip, and is not said.
    one = len(lacking) == 1 and _may_be(keys(unknown.owner)[lacking[0]], place.node)
    word = meant if meant is not None else lacking[0] if one else None
    if word is None or (unknown.around is not None and unknown.around.get(word) is not None):
        return Meant(diagnostic)
    return Meant(diagnostic, frozenset({(*place.path[:-1], word)}))


def _may_be(field: FieldInfo, node: Node | None) -> bool:
    """Whether what stands under a key may have been meant for a field: in its own shape, right or wrong."""
    takes = any(model_of(member) is not None or get_origin(bare(member)) is dict for member in members(field.annotation))
    return node is None or (
        isinstance(node, Mapping) is takes and (takes or isinstance(node, Sequence) or fits(field.annotation, field, node))
    )


def _is_secret(field: FieldInfo, node: Node | None) -> bool:
    """Whether a value would have to be a reference in a field."""
    if not isinstance(node, Scalar) or REFERENCE.fullmatch(node.text) is not None:
        return False
    takes = capable(field)
    return takes == "must" or (takes == "may" and holds_secret(node.text))


def _absent_elsewhere(unknown: _Unknown, path: Path) -> Meant:
    """A key that is too much here, and missing at exactly one other place, was meant for that place."""
    owner = node_at(unknown.root, path[:-1])
    message, help_ = _belongs(unknown, path[:-1])
    change = _moved(unknown, owner)
    diagnostic = Diagnostic(
        "misplaced-key", message, unknown.place.key, help=help_, edits=change, certain=bool(change) and _stays(unknown, owner)
    )
    return Meant(diagnostic, frozenset({path}), owner if isinstance(owner, Mapping) else None)


def _wrapped(unknown: _Unknown) -> Meant | None:
    """A mapping, such as `spec:` or `metadata:`, whose keys belong where it stands."""
    inner = unknown.place.node
    if not isinstance(inner, Mapping) or not inner.entries:
        return None
    inside = [entry.key for entry in inner.entries if entry.key in unknown.free]
    if not inside or len(inside) < len(inner.entries):
        return None
    message = f"`{short(unknown.key)}` is no key of {unknown.name}, and what is in it belongs where it stands"
    diagnostic = Diagnostic(
        "unknown-key", message, unknown.place.key, help=f"remove `{short(unknown.key)}:` and indent the rest one level less"
    )
    return Meant(diagnostic, frozenset((*unknown.place.path[:-1], key) for key in inside), opens=True)


def _misplaced(unknown: _Unknown, homes: list[_Home]) -> Diagnostic:
    place = unknown.place
    if len(homes) > 1:
        where = choice(f"`{'.'.join(home.keys)}`" for home in homes)
        message = f"`{unknown.key}` is no key of {unknown.name}; it is one of {where}"
        return Diagnostic("misplaced-key", message, place.key, help="move it to the one that you mean, or remove it")
    home = homes[0]
    message, help_ = _belongs(unknown, home.keys)
    if home.taken:
        there = "it stands there already: remove it here"
        items = "it stands there already: move the items to those, or remove them here"
        return Diagnostic("misplaced-key", message, place.key, help=items if isinstance(place.node, Sequence) else there)
    change = _moved(unknown, home.target)
    return Diagnostic("misplaced-key", message, place.key, help=help_, edits=change, certain=bool(change) and _stays(unknown, home.target))


def _belongs(unknown: _Unknown, target: Path) -> tuple[str, str]:
    """The message and the help: where the key belongs, as seen from where it stands."""
    here = tuple(part for part in unknown.place.path[:-1] if isinstance(part, str))
    there = tuple(part for part in target if isinstance(part, str))
    said = f"`{unknown.key}` is no key of {unknown.name}; it belongs"
    where = f"`{_dotted(target)}`" if target else "the model's top level" if unknown.root.name == "this model" else "the top level"
    if len(there) == len(here) + 1 and there[: len(here)] == here and len(unknown.place.path) - 1 == len(here):
        return f"{said} one level down, in {where}", f"move it below `{there[-1]}:`"
    if len(here) == len(there) + 1 and here[: len(there)] == there:
        return f"{said} one level up, in {where}", "move it up"
    return f"{said} in {where}", f"move it to {where}"


def _dotted(path: Path) -> str:
    return "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in path).removeprefix(".")


def _moved(unknown: _Unknown, target: Node | None) -> Any:  # noqa: ANN401 - edits
    entry = _entry(unknown)
    if unknown.text is None or entry is None or unknown.around is None or not isinstance(target, Mapping):
        return ()
    return move(unknown.text, unknown.around, entry, target)


def _stays(unknown: _Unknown, target: Node | None) -> bool:
    """Whether a key stays in its section: a move to another is offered, and made by its writer alone."""
    return isinstance(target, Mapping) and not crosses(unknown.root, unknown.place.path[:-1], target)


def _homes(unknown: _Unknown) -> list[_Home]:
    """Where the key could stand: below or above before beside, near before far; several where neither is nearer."""
    root = model_of(unknown.root.annotation)
    if root is None:
        return []
    chain = tuple(model for model, _ in unknown.place.owners)
    found: dict[tuple[bool, int], list[_Home]] = {}
    for home in _having(root).get(unknown.key, ()):
        if home.models == chain:
            continue
        concrete = _concrete(unknown, home)
        depth = len(home.models) - len(chain)
        near = abs(depth) if chain[: len(home.models)] == home.models or home.models[: len(chain)] == chain else _DEEPEST
        found.setdefault((concrete.taken, near), []).append(concrete)
    found = {
        rank: kept
        for rank, homes in found.items()
        if (kept := [home for home in homes if one_meaning(unknown.key, chain, home.keys, home.models)])
    }
    every = [home for homes in found.values() for home in homes]
    fitting = [home for home in every if _takes(unknown, home)]
    if fitting and len(fitting) < len(every):
        # A rate of requests is no list of shares: it was meant for the place that takes it, though that has one already.
        best = [home for home in found[min(found)] if home in fitting] or [home for home in fitting if not home.taken] or fitting
        return best if len(best) <= _MANY else []
    left = {rank: homes for rank, homes in found.items() if rank[1] < _DEEPEST or not rank[0]}
    best = left[min(left)] if left else []
    return best if len(best) <= _MANY else []


def _takes(unknown: _Unknown, home: _Home) -> bool:
    """Whether the key's value is one that the home would take."""
    info = keys(home.models[-1])[unknown.key]
    return unknown.place.node is not None and fits(info.annotation, info, unknown.place.node)


@cache
def _having(root: type[BaseModel]) -> dict[str, list[_Home]]:
    """Every place of the language that a key has, by key: looked up for each unknown one."""
    found: dict[str, list[_Home]] = {}
    for home in _places(root, (), (root,)):
        for key in keys(home.models[-1]):
            if key != "kind":
                found.setdefault(key, []).append(home)
    return found


def _places(model: type[BaseModel], path: tuple[str, ...], models: tuple[type[BaseModel], ...]) -> Iterator[_Home]:
    yield _Home(path, models)
    if len(models) > _DEEPEST:
        return
    for word, info in keys(model).items():
        for below in _below(info.annotation):
            if below not in models:
                yield from _places(below, (*path, word), (*models, below))


def _below(annotation: Any) -> Iterator[type[BaseModel]]:  # noqa: ANN401
    """The models that a field holds: itself, as items of a list, or under names of the user's."""
    for member in members(annotation):
        inner, origin = bare(member), get_origin(bare(member))
        if origin in (tuple, list, dict):
            inner = get_args(inner)[1 if origin is dict else 0]
            yield from _below(inner)
        elif (model := model_of(inner)) is not None:
            yield model


def _concrete(unknown: _Unknown, home: _Home) -> _Home:
    """The home as it is written in the document."""
    node: Node | None = unknown.root.node
    # Above the key, its own path leads to the home, through the item of the list in which it stands.
    path = unknown.place.path[len(unknown.root.path) :]
    own = [node]
    for part in path[:-1]:
        own.append(node_at(Place(Any, own[-1], unknown.place.key, ""), (part,)))
    words: list[str] = [part for part in path[:-1] if isinstance(part, str)]
    if tuple(words[: len(home.keys)]) == home.keys:
        position = 0
        seen = 0
        while seen < len(home.keys):
            seen += isinstance(path[position], str)
            position += 1
        if position < len(path) - 1 and isinstance(path[position], int):
            position += 1
        node = own[position]
    else:
        for word in home.keys:
            entry = node.get(word) if isinstance(node, Mapping) else None
            node = entry.value if entry is not None else None
    if isinstance(node, Mapping):
        return replace(home, target=node, taken=node.get(unknown.key) is not None)
    return home
