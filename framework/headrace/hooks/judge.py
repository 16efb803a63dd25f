"""Whether a plugin's hooks and what they give are what they should be, said before anything of it is used."""

from __future__ import annotations

import ast
import inspect
import math
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import fields
from typing import Any, get_args, get_type_hints

from headrace.hooks.answers import TASKS
from headrace.hooks.axis import AXES, Axis
from headrace.hooks.contracts import Gate, Item, Metric, Reader, Rule
from headrace.hooks.fault import PluginFault
from headrace.hooks.found import Origin
from headrace.hooks.held import Asks
from headrace.hooks.reference import Definition, UnknownReferenceError, find, mismatch
from headrace.spec.wording import nearest

_PREFIX = "headrace_"
_MARK = "headrace_impl"
"""The attribute that `hookimpl` leaves on a function."""
_RULE = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*/[a-z0-9]+(-[a-z0-9]+)*")


def unmarked(module: object) -> None:
    """PluginFault for a function that means to be a hook and is none: misspelt, with arguments, or without its mark."""
    known = {axis.hook for axis in AXES}
    for name, value in sorted(vars(module).items() if hasattr(module, "__dict__") else ()):
        marked = callable(value) and hasattr(value, _MARK)
        if not marked and not (name in known and inspect.isfunction(value)):
            if name.startswith(_PREFIX) and inspect.isfunction(value):
                raise _misnamed(name, known, value)
            continue
        if name not in known:
            raise _misnamed(name, known, value)
        if not marked:
            raise PluginFault(f"has `{name}` without `@hookimpl`", at=_at(value), advice="write `@hookimpl` above it")
        given = [item.name for item in inspect.signature(value).parameters.values() if item.default is item.empty]
        if given:
            raise PluginFault(
                f"has `{name}({', '.join(given)})`: the hook has no argument `{given[0]}`", at=_at(value), advice=f"write `{name}()`"
            )


def _misnamed(name: str, known: Iterable[str], value: object) -> PluginFault:
    meant = nearest(name, list(known))
    help_ = f"did you mean `{meant}`?" if meant else f"the hooks are {', '.join(sorted(known))}"
    return PluginFault(f"has `{name}`, which is no hook", at=_at(value), advice=help_)


def _at(value: Any) -> tuple[str, int] | None:  # noqa: ANN401 - a function, if all is well
    code = getattr(inspect.unwrap(value), "__code__", None)
    return (code.co_filename, code.co_firstlineno) if code is not None else None


@contextmanager
def at_function(function: Callable[..., object]) -> Iterator[None]:
    """What is wrong with all that a function gave stands where the function does."""
    try:
        yield
    except PluginFault as error:
        if error.error is None and error.about is None:
            error.at = error.at or _at(function)
        raise


def items(given: object, axis: Axis, origin: Origin) -> list[Item]:
    """What a hook gave, once it is known to be what it was asked for; PluginFault otherwise. A generator may raise whatever it likes."""
    told = f"failed in `{axis.hook}`: it gave "
    if not isinstance(given, Iterable) or isinstance(given, str | bytes | Mapping):
        raise PluginFault(f"{told}{'None' if given is None else type(given).__name__}, and not a list of {axis.kind.__name__}")
    found: list[Item] = []
    for item in list(given):
        if not isinstance(item, axis.kind):
            raise PluginFault(f"{told}{'None' if item is None else type(item).__name__}, and not {axis.kind.__name__}")
        if not isinstance(item.name, str) or not item.name:
            raise PluginFault(f"{told}a {axis.kind.__name__} whose name is {item.name!r}, and not text")
        if origin.kind != "builtin":
            try:
                _item(item, axis)
            except PluginFault as error:
                error.about = error.about or item.name
                raise
        found.append(item)
    return found


def _item(item: Item, axis: Axis) -> None:
    """PluginFault where a part of it has another type or value than declared, or where what it names does not stand or fit."""
    what = f"adds the {axis.word} `{item.name}`"
    hints = get_type_hints(type(item))
    for part in fields(item):
        value, wanted = getattr(item, part.name), hints[part.name]
        words = get_args(wanted)
        if wanted is str and not isinstance(value, str):
            raise PluginFault(f"{what} whose `{part.name}` is {value!r}, and not text")
        if wanted is bool and not isinstance(value, bool):
            raise PluginFault(f"{what} whose `{part.name}` is {value!r}, and neither True nor False")
        if words and all(isinstance(word, str) for word in words) and value not in words:
            raise PluginFault(f"{what} whose `{part.name}` is {value!r}, and none of {', '.join(map(repr, words))}")
    _own(item, what)
    if "params" in hints:
        _params(item, what)
    for name, takes in item.calls.items():
        reference = getattr(item, name)
        if reference is None:
            continue
        found = _find(reference, name, what)
        if why := mismatch(found, takes):
            raise PluginFault(f"{what} whose `{name}` is `{reference}`, and {why}: it is given {takes}", at=_line(found))


def _own(item: Item, what: str) -> None:
    match item:
        case Metric(range=bounds, seconds=seconds):
            numbers = isinstance(bounds, tuple) and len(bounds) == 2 and all(isinstance(b, int | float) for b in bounds)  # noqa: PLR2004
            if not numbers or not bounds[0] < bounds[1]:
                raise PluginFault(f"{what} whose `range` is {bounds!r}, and not (least, greatest), math.inf where there is no greatest")
            if isinstance(seconds, bool) or not isinstance(seconds, int | float) or not 0 < seconds < math.inf:
                raise PluginFault(f"{what} whose `seconds` is {seconds!r}, and no time above 0")
            _tasks(item.tasks, what)
        case Reader(suffixes=suffixes):
            if not isinstance(suffixes, tuple) or not suffixes or any(not re.fullmatch(r"(\.[a-z0-9]+)+", str(s)) for s in suffixes):
                raise PluginFault(f"{what} whose `suffixes` are {suffixes!r}, and not a tuple such as ('.avro',)")
        case Rule(name=name):
            if not _RULE.fullmatch(name):
                raise PluginFault(f"{what}, and a rule's name is `OWNER/RULE` in lower case with dashes, such as `acme/owner-is-a-team`")
        case Gate(asks=asks):
            if not isinstance(asks, tuple) or any(who not in get_args(Asks) for who in asks):
                raise PluginFault(f"{what} whose `asks` is {asks!r}, and not a tuple of {', '.join(map(repr, get_args(Asks)))}")
            _tasks(item.tasks, what)
        case _:
            pass


def _tasks(tasks: object, what: str) -> None:
    if not isinstance(tasks, tuple) or any(task not in TASKS for task in tasks):
        raise PluginFault(f"{what} whose `tasks` is {tasks!r}, and not a tuple of {', '.join(map(repr, TASKS))}")


def _params(item: Any, what: str) -> None:  # noqa: ANN401 - one of those with parameters
    found = _find(item.params, "params", what)
    node = found.node
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) or (isinstance(node, ast.ClassDef) and not node.bases):
        raise PluginFault(f"{what} whose `params` is `{item.params}`, which is no pydantic model", at=_line(found))


def _find(reference: str, name: str, what: str) -> Definition:
    try:
        return find(reference)
    except UnknownReferenceError as error:
        raise PluginFault(f"{what} whose `{name}` is `{reference}`: {error}", about=reference) from None


def _line(found: Definition) -> tuple[str, int] | None:
    return (str(found.path), found.line) if found.path is not None else None
