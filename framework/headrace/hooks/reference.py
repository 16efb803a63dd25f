"""What a reference `module:function` leads to, read from the module's text: nothing is imported."""

from __future__ import annotations

import ast
import importlib.util
import re
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from headrace.hooks.contracts import Takes
from headrace.spec.wording import nearest

_FORM = re.compile(r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)*:[A-Za-z_]\w*", re.ASCII)


class UnknownReferenceError(Exception):
    """A reference that leads nowhere; says why."""


@dataclass(frozen=True, slots=True)
class Definition:
    """Where an attribute is defined; `node` is None where the text does not tell what it is."""

    path: Path | None
    line: int
    node: ast.stmt | None

    def __str__(self) -> str:
        return f"{self.path}:{self.line}"


def find(reference: str, roots: Sequence[Path] = ()) -> Definition:
    """Where `module:function` is defined, in one of the folders or among what is installed; UnknownReferenceError where it is not.

    A module whose text cannot be had (a compiled one) is taken at its word.
    """
    if not _FORM.fullmatch(reference):
        raise UnknownReferenceError(f"`{reference[:120]}` is not of the form `module:function`")
    module, _, attribute = reference.partition(":")
    path = _file(module, roots)
    if path is None:
        return Definition(None, 0, None)
    try:
        tree = ast.parse(path.read_bytes(), str(path))
    except SyntaxError as error:
        raise UnknownReferenceError(f"{path}:{error.lineno} is no Python: {error.msg}") from None
    except (OSError, ValueError) as error:
        raise UnknownReferenceError(f"{path} cannot be read: {error}") from None
    names = dict(_names(tree.body))
    if attribute in names:
        node = names[attribute]
        return Definition(path, node.lineno, node)
    if "*" in names or "__getattr__" in names:
        return Definition(path, 1, None)
    meant = nearest(attribute, list(names))
    raise UnknownReferenceError(f"module `{module}` ({path}) has no `{attribute}`" + (f"; did you mean `{meant}`?" if meant else ""))


def _file(module: str, roots: Sequence[Path]) -> Path | None:
    """The text of a module; None where it has none."""
    loaded = sys.modules.get(module)
    if loaded is not None:
        file = getattr(loaded, "__file__", None)
        return Path(file) if file is not None and file.endswith(".py") else None
    top, *rest = module.split(".")
    for root in roots:
        if (root / top).is_dir() or (root / f"{top}.py").is_file():
            return _under(module, [root], [top, *rest])
    try:
        # Only of the topmost package: of a lower one, its parents would be imported.
        spec = importlib.util.find_spec(top)
    except (ImportError, ValueError):
        spec = None
    if spec is None:
        raise UnknownReferenceError(f"there is no module `{top}`" + (f" (of `{module}`)" if rest else ""))
    if not rest:
        return Path(spec.origin) if spec.origin is not None and spec.origin.endswith(".py") else None
    return _under(module, [Path(place) for place in spec.submodule_search_locations or ()], rest)


def _under(module: str, folders: Sequence[Path], parts: Sequence[str]) -> Path | None:
    for folder in folders:
        base = folder.joinpath(*parts)
        for path in (base.with_name(f"{base.name}.py"), base / "__init__.py"):
            if path.is_file():
                return path
        if any(base.parent.glob(f"{base.name}.*.so")) or any(base.parent.glob(f"{base.name}.*.pyd")):
            return None
    raise UnknownReferenceError(f"there is no module `{module}`")


def _names(body: Sequence[ast.stmt]) -> Iterator[tuple[str, ast.stmt]]:
    """What a module defines at its top, by name; `*` where it takes over another's names."""
    for node in body:
        match node:
            case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name) | ast.ClassDef(name=name):
                yield name, node
            case ast.Assign(targets=targets):
                yield from ((part.id, node) for target in targets for part in ast.walk(target) if isinstance(part, ast.Name))
            case ast.AnnAssign(target=ast.Name(id=name)):
                yield name, node
            case ast.Import(names=names) | ast.ImportFrom(names=names):
                yield from ((alias.asname or alias.name.partition(".")[0], node) for alias in names)
            case ast.If(body=inner, orelse=other) | ast.Try(body=inner, orelse=other):
                yield from _names([*inner, *other])
                if isinstance(node, ast.Try):
                    yield from _names([*(item for handler in node.handlers for item in handler.body), *node.finalbody])
            case ast.With(body=inner):
                yield from _names(inner)
            case _:
                pass


def mismatch(found: Definition, takes: Takes) -> str | None:
    """Why a function cannot be called so; None where it can, or where the text does not tell."""
    node = found.node
    if isinstance(node, ast.AsyncFunctionDef):
        return "it is async, and is called as a plain function"
    if not isinstance(node, ast.FunctionDef):
        return None
    arguments = node.args
    ordered = [item.arg for item in (*arguments.posonlyargs, *arguments.args)]
    if len(ordered) < takes.positional and arguments.vararg is None:
        return f"it takes {len(ordered)} by position, and is given {takes.positional}"
    by_name = {item.arg for item in arguments.args} - set(ordered[: takes.positional]) | {item.arg for item in arguments.kwonlyargs}
    if arguments.kwarg is None and (lacking := sorted(takes.keywords - by_name)):
        return f"it has no argument `{'`, `'.join(lacking)}`"
    required = set(ordered[takes.positional : len(ordered) - len(arguments.defaults)])
    required |= {item.arg for item, default in zip(arguments.kwonlyargs, arguments.kw_defaults, strict=True) if default is None}
    if wanted := sorted(required - takes.keywords):
        return f"it wants `{'`, `'.join(wanted)}`, which nobody gives"
    return None
