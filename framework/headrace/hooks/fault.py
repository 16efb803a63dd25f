"""What a plugin did wrong, and where: a sentence and a place instead of a traceback."""

from __future__ import annotations

import traceback
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from headrace.diagnostics import Span
from headrace.hooks.found import Origin


class PluginFault(Exception):  # noqa: N818 - it is the plugin's, and ends nothing of ours
    """A plugin cannot take part; the text goes on where `plugin NAME` begins."""

    def __init__(
        self,
        message: str,
        *,
        error: BaseException | None = None,
        at: tuple[str, int] | None = None,
        advice: str | None = None,
        about: str | None = None,
    ) -> None:
        """`about` is text that stands in the plugin's own file, in quotes, where no line is known otherwise."""
        super().__init__(message)
        self.error = error
        self.at = at
        self.help = advice
        self.about = about

    def place(self, origin: Origin, root: Path | None) -> Span | None:
        """The line of the plugin that did it; the first of its file where no line is known."""
        at = self.at or (_line(self.error, origin) if self.error is not None else None) or _saying(self.about, origin)
        if at is None:
            if origin.path is None or not origin.path.is_file():
                return None
            at = (str(origin.path), 1)
        file = Path(at[0])
        inside = root is not None and file.is_relative_to(root)
        return Span(file.relative_to(root).as_posix() if root is not None and inside else str(file), at[1], 1, at[1], 1)


@dataclass(frozen=True, slots=True)
class Off:
    """A plugin that takes no part in this run, why, and by which line."""

    origin: Origin
    why: str
    place: Span | None = None
    broken: bool = False
    """Whether it cannot take part; otherwise somebody wants it so."""

    @property
    def line(self) -> str:
        """That it takes no part, in one line, for whoever asked for something else."""
        return f"plugin {self.origin} takes no part: `headrace plugins check {self.called}` tells why"

    @property
    def called(self) -> str:
        """How `headrace plugins check` is told which one."""
        return self.origin.name.removeprefix("plugins/").removesuffix(".py")


@contextmanager
def fault(doing: str) -> Iterator[None]:
    """Whatever a plugin raises, an end of Python included, as its fault; `doing` says when, such as `cannot be loaded`."""
    try:
        yield
    except PluginFault:
        raise
    except (Exception, SystemExit) as error:
        raise PluginFault(f"{doing}: {type(error).__name__}: {error}", error=error) from error


def _saying(text: str | None, origin: Origin) -> tuple[str, int] | None:
    """The line of the plugin in which a text stands in quotes."""
    if text is None or origin.path is None:
        return None
    for file in [origin.path] if origin.path.is_file() else sorted(origin.path.rglob("*.py")):
        with suppress(OSError, UnicodeDecodeError):
            lines = file.read_text(encoding="utf-8").splitlines()
            found = next((number for number, line in enumerate(lines, 1) if f'"{text}"' in line or f"'{text}'" in line), None)
            if found is not None:
                return str(file), found
    return None


def _line(error: BaseException, origin: Origin) -> tuple[str, int] | None:
    """Where it was raised: the deepest line that is the plugin's own."""
    if isinstance(error, SyntaxError) and error.filename and error.lineno:
        return error.filename, error.lineno
    for frame in reversed(traceback.extract_tb(error.__traceback__)):
        if origin.path is not None and Path(frame.filename).is_relative_to(origin.path) and frame.lineno:
            return frame.filename, frame.lineno
    return None
