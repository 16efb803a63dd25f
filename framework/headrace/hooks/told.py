"""What a plugin's writer asks: the fields of what a hook gives, and what its functions are handed and answer, as their code declares it."""

from __future__ import annotations

import ast
import inspect
import re
import textwrap
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import get_args

from headrace.hooks import values, watch
from headrace.hooks.axis import AXES
from headrace.hooks.contracts import Item


@dataclass(frozen=True, slots=True)
class Part:
    """One field or method of a class."""

    name: str
    type: str
    default: str | None
    """None where it must be given, or where it is a method."""
    description: str


@dataclass(frozen=True, slots=True)
class Told:
    """A contract, or a value that crosses it."""

    name: str
    hook: str | None
    """The function that gives it, for a contract."""
    doc: str
    parts: tuple[Part, ...]
    crossing: tuple[str, ...]
    """Values that its functions are handed or answer, each told by itself."""


def subjects() -> dict[str, str]:
    """Each word that `told` knows, with the name of the class that it means."""
    found: dict[str, str] = {}
    for axis in AXES:
        found |= {f"plugin.{axis.word}": axis.kind.__name__, f"plugin.{axis.plural}": axis.kind.__name__, axis.hook: axis.kind.__name__}
    for name in _classes():
        found |= {f"hooks.{name}": name, name: name}
    return found


@cache
def told(name: str) -> Told:
    """What is known of a class by its name."""
    cls = _classes()[name]
    hook = next((axis.hook for axis in AXES if axis.kind is cls), None)
    tree = ast.parse(textwrap.dedent(inspect.getsource(cls))).body[0]
    parts = tuple(_parts(tree, methods=hook is None)) if isinstance(tree, ast.ClassDef) else ()
    doc = inspect.getdoc(cls) or ""
    said = " ".join([doc, *(f"{part.type} {part.description}" for part in parts)])
    named = [other for other in _classes() if other != name and other not in _contracts() and re.search(rf"\b{other}s?\b", said)]
    every = dict.fromkeys([*named, *(below for other in named for below in told(other).crossing)])
    return Told(name, hook, doc, parts, tuple(other for other in every if other != name))


def _contracts() -> dict[str, type]:
    return {cls.__name__: cls for cls in get_args(Item)}


def _classes() -> dict[str, type]:
    """The contracts, and the values that cross them."""
    crossing = [(values, name) for name in vars(values)] + [(watch, "Watch")]
    own = {name: cls for room, name in crossing if inspect.isclass(cls := getattr(room, name)) and cls.__module__ == room.__name__}
    return _contracts() | own


def _parts(tree: ast.ClassDef, *, methods: bool) -> Iterator[Part]:
    """Fields with what is said below them, and public methods."""
    for node, after in zip(tree.body, [*tree.body[1:], None], strict=True):
        match node:
            case ast.AnnAssign(target=ast.Name(id=name)) if not name.startswith("_") and "ClassVar" not in ast.unparse(node.annotation):
                default = ast.unparse(node.value) if node.value is not None else None
                yield Part(name, ast.unparse(node.annotation), default, _text(after))
            case ast.FunctionDef(name=name) if methods and not name.startswith("_"):
                arguments = ", ".join(argument.arg for argument in node.args.args if argument.arg not in ("self", "cls"))
                answer = ast.unparse(node.returns) if node.returns is not None else ""
                yield Part(f"{name}({arguments})", answer, None, ast.get_docstring(node) or "")
            case _:
                pass


def _text(node: ast.stmt | None) -> str:
    """What a string that stands alone says."""
    alone = isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)
    return inspect.cleandoc(node.value.value) if alone else ""  # type: ignore[union-attr]
