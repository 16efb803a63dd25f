"""Where plugins are found: among what is installed, and in the project's own folder."""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from types import ModuleType
from typing import Any, Literal

from headrace.diagnostics import Report

_RANKS = {"builtin": 0, "installed": 1, "project": 2}


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a plugin comes from: a distribution with its version, or a file of the project."""

    name: str
    kind: Literal["builtin", "installed", "project"]
    version: str | None = None
    path: Path | None = None
    """The file or folder that its code stands in, where that is known."""

    @property
    def rank(self) -> int:
        """What has a higher one may take the place of what has a lower."""
        return _RANKS[self.kind]

    def __str__(self) -> str:
        return f"`{self.name}`" + (f" {self.version}" if self.version else "")


@dataclass(frozen=True, slots=True)
class Found:
    """A plugin that nobody has loaded yet."""

    origin: Origin
    entry: str
    load: Callable[[], Any]


def candidates(root: Path | None, report: Report) -> Iterator[Found]:
    """Every plugin, in the order in which they add: built in, installed by name, the project's by file name."""
    points = [(_origin(point), point) for point in entry_points(group="headrace")]
    for origin, point in sorted(points, key=lambda item: (item[0].rank, item[0].name, item[1].name)):
        yield Found(origin, point.name, point.load)
    folder = root / "plugins" if root is not None else None
    for path in sorted(folder.glob("*.py")) if folder is not None and folder.is_dir() else ():
        name = f"plugins/{path.name}"
        report.texts.setdefault(name, path.read_text(encoding="utf-8", errors="replace"))
        yield Found(Origin(name, "project", path=path), path.stem, partial(_module, path))


def _origin(point: EntryPoint) -> Origin:
    if point.dist is None:
        return Origin(point.name, "installed")
    kind: Literal["builtin", "installed"] = "builtin" if point.dist.name == "headrace" else "installed"
    return Origin(point.dist.name, kind, point.dist.version, _place(point.module.partition(".")[0]))


def _place(package: str) -> Path | None:
    """Where an installed package's code stands; it is not imported."""
    try:
        spec = importlib.util.find_spec(package)
    except (ImportError, ValueError):
        return None
    if spec is None:
        return None
    places = list(spec.submodule_search_locations or ())
    return Path(places[0]) if places else Path(spec.origin) if spec.origin else None


def _module(path: Path) -> ModuleType:
    """A file of the project as a module, anew each time: its text may be another's, of the same name."""
    name = f"headrace_project_plugins.{path.stem}"
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        raise ImportError(f"{path} cannot be loaded")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module
