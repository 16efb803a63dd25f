"""A user's own function, called: found in the project's folder or among what is installed, and blamed by name and line."""

from __future__ import annotations

import sys
import traceback
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from headrace.diagnostics import Diagnostic, HeadraceError, Span
from headrace.hooks.contracts import resolve
from headrace.hooks.reference import UnknownReferenceError, find


def findable(root: Path | None) -> None:
    """Let the project's own modules be imported: a process may have been started anywhere."""
    if root is not None and str(root) not in sys.path:
        sys.path.insert(0, str(root))


def own_function(root: Path, python: str, what: str) -> Callable[..., Any]:
    """The function of `module:function`; HeadraceError `step-failed` where there is none."""
    findable(root)
    try:
        found = resolve(python)
    except (Exception, SystemExit) as error:
        raise _failed(f"{what}: `{python}` cannot be imported: {type(error).__name__}: {error}", line(error, root)) from error
    if not callable(found):
        raise _failed(f"{what}: `{python}` is no function but {type(found).__name__}", None)
    return found  # type: ignore[no-any-return]


def call_own(root: Path, python: str, what: str, params: Mapping[str, Any], *given: object) -> Any:  # noqa: ANN401 - whatever it gives
    """Call it; HeadraceError `step-failed` with the line that raised."""
    function = own_function(root, python, what)
    try:
        return function(*given, **params)
    except (Exception, SystemExit) as error:
        raise _failed(f"{what}: `{python}` raised {type(error).__name__}: {error}", line(error, root)) from error


def source_of(root: Path, python: str) -> bytes:
    """The text of the module that a function stands in; nothing where it has none."""
    try:
        found = find(python, (root,))
    except UnknownReferenceError:
        return b""
    return found.path.read_bytes() if found.path is not None else b""


def line(error: BaseException, root: Path) -> Span | None:
    """The deepest line of the project's own files."""
    for frame in reversed(traceback.extract_tb(error.__traceback__)):
        file = Path(frame.filename)
        if file.is_relative_to(root) and frame.lineno and ".venv" not in file.parts:
            return Span(file.relative_to(root).as_posix(), frame.lineno, 1, frame.lineno, 1)
    return None


def _failed(message: str, place: Span | None) -> HeadraceError:
    return HeadraceError(Diagnostic("step-failed", message, place, help="correct the function, or take the step out of `steps`"))
