"""A user's own middleware around a server's requests: found, made, and blamed by name and line where it cannot be."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from fastapi import FastAPI
from starlette.middleware import Middleware

from headrace.compiled import MiddlewareConfig
from headrace.diagnostics import Diagnostic, Exit, HeadraceError
from headrace.hooks.contracts import resolve
from headrace.hooks.own import findable, line


def declared(root: Path, several: Sequence[MiddlewareConfig]) -> list[Middleware]:
    """Those that a config names, outermost first; HeadraceError `middleware-failed` where one cannot be imported."""
    findable(root)
    return [Middleware(_found(root, one.python), **one.params) for one in several]


def _found(root: Path, python: str) -> Any:  # noqa: ANN401 - a class, or what makes an app of an app
    try:
        found = resolve(python)
    except (Exception, SystemExit) as error:
        raise _failed(f"`{python}` cannot be imported: {type(error).__name__}: {error}", error, root) from error
    if not callable(found):
        raise _failed(f"`{python}` is {type(found).__name__}, and cannot be called with an app", None, root)
    return found


def surround(app: FastAPI, root: Path) -> None:
    """Make the app's middleware now, and not with its first request; HeadraceError `middleware-failed` where one cannot be made."""
    try:
        made = app.build_middleware_stack()
    except Exception as error:
        raise _failed(f"one cannot be made: {type(error).__name__}: {error}", error, root) from error
    layer: Any = made
    while layer is not None and layer is not app.router:
        if not callable(layer):
            raise _failed(f"`{type(layer).__name__}` cannot be called with scope, receive and send", None, root)
        layer = getattr(layer, "app", None)
    app.middleware_stack = made


def _failed(why: str, error: BaseException | None, root: Path) -> HeadraceError:
    place = None if error is None else line(error, root)
    return HeadraceError(
        Diagnostic("middleware-failed", f"middleware: {why}", place, help="correct it, or take it out of `serving.middleware`"), Exit.FAILED
    )
