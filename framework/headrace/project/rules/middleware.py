"""A user's own middleware stands and can be put around a server, read from its text; nothing is imported."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from headrace.diagnostics import Diagnostic
from headrace.hooks.contracts import Takes
from headrace.hooks.reference import Definition, UnknownReferenceError, find, mismatch
from headrace.project.scope import Scope, address_of, question
from headrace.spec import Model
from headrace.spec.serving import Serving
from headrace.spec.serving_middleware import Middleware

_CALL = "async def __call__(self, scope, receive, send):"
_SELF, _SCOPE = 1, 4


@question
def check(scope: Scope) -> Iterator[Diagnostic]:
    """All middleware of all servers."""
    for model in scope.of(Model):
        if isinstance(model.serving, Serving):
            for position, one in enumerate(model.serving.middleware):
                yield from _one(scope, model, position, one)


@question
def _one(scope: Scope, model: Model, position: int, one: Middleware) -> Iterator[Diagnostic]:
    place = scope.where(address_of(model), ("serving", "middleware", position, "python"))
    root = scope.root.resolve() if scope.root is not None else Path()
    try:
        found = find(one.python, (root,))
    except UnknownReferenceError as error:
        help_ = "write `module:Class`; modules are looked for in the project's folder, then among what is installed"
        yield Diagnostic("unknown-function", f"middleware: {str(error).replace(f'{root}/', '')}", place, help=help_)
        return
    file = found.path.relative_to(root).as_posix() if found.path is not None and found.path.is_relative_to(root) else found.path
    why = _called(found, Takes(1, frozenset(one.params)))
    if why is not None:
        message = f"`{one.python}` cannot be put around an app: {why} ({file}:{found.line})"
        arguments = ", ".join(["self", "app", *sorted(one.params)])
        yield Diagnostic("wrong-signature", message, place, help=f"write `def __init__({arguments}):`")
    elif isinstance(found.node, ast.ClassDef) and not _answers(found.node, own=found.path is not None and found.path.is_relative_to(root)):
        message = f"`{one.python}` is no ASGI middleware: it is not called with scope, receive and send ({file}:{found.line})"
        yield Diagnostic("no-middleware", message, place, help=f"write `{_CALL}`")


def _called(found: Definition, takes: Takes) -> str | None:
    """Why it cannot be called with the app and its params; None where it can, or where the text does not tell."""
    if not isinstance(found.node, ast.ClassDef):
        return mismatch(found, takes)
    made = _method(found.node, "__init__")
    if made is None:
        return None if _inherits(found.node) else "it has no `__init__` that takes the app"
    return mismatch(replace(found, node=made), replace(takes, positional=takes.positional + _SELF))


def _answers(node: ast.ClassDef, *, own: bool) -> bool:
    """Whether what a class makes is called as ASGI's apps are, as far as the text tells; others' may come to their method otherwise."""
    call = _method(node, "__call__")
    if call is None:
        return not own or _inherits(node)
    arguments = call.args
    taken = len(arguments.posonlyargs) + len(arguments.args)
    return isinstance(call, ast.AsyncFunctionDef) and (taken == _SCOPE or arguments.vararg is not None)


def _inherits(node: ast.ClassDef) -> bool:
    return any(not (isinstance(base, ast.Name) and base.id == "object") for base in node.bases)


def _method(node: ast.ClassDef, name: str) -> ast.FunctionDef | ast.AsyncFunctionDef | None:
    return next((item for item in node.body if isinstance(item, ast.FunctionDef | ast.AsyncFunctionDef) and item.name == name), None)
