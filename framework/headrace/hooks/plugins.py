"""Which plugins take part, what they add by name, and where each of it comes from."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from math import inf
from pathlib import Path
from typing import Any, TypeVar

import pluggy

from headrace.diagnostics import Diagnostic, Report
from headrace.hooks import specs
from headrace.hooks.attended import attended
from headrace.hooks.axis import AXES, Axis
from headrace.hooks.contracts import (
    Algorithm,
    ChannelType,
    Detector,
    Exporter,
    Gate,
    Item,
    Metric,
    Reader,
    Rule,
    Strategy,
    Tracker,
    Transform,
)
from headrace.hooks.fault import Off, PluginFault, fault
from headrace.hooks.found import Found, Origin, candidates
from headrace.hooks.judge import at_function, items, unmarked
from headrace.hooks.limit import within

ONLY = "HEADRACE_PLUGINS"
"""The environment variable that names the plugins that may take part, beside the built-in ones; separated by commas."""


@dataclass(frozen=True)
class Plugins:
    """All that the plugins of a project add, each axis by name."""

    algorithms: Mapping[str, Algorithm]
    metrics: Mapping[str, Metric]
    detectors: Mapping[str, Detector]
    channels: Mapping[str, ChannelType]
    readers: Mapping[str, Reader]
    names: tuple[str, ...] = ()
    """Which plugins take part, in the order they were found."""
    rules: Mapping[str, Rule] = field(default_factory=dict)
    strategies: Mapping[str, Strategy] = field(default_factory=dict)
    gates: Mapping[str, Gate] = field(default_factory=dict)
    exporters: Mapping[str, Exporter] = field(default_factory=dict)
    transforms: Mapping[str, Transform] = field(default_factory=dict)
    trackers: Mapping[str, Tracker] = field(default_factory=dict)
    origins: Mapping[tuple[str, str], Origin] = field(default_factory=dict)
    """Where a thing comes from, by its axis (`metric`) and name."""
    off: tuple[Off, ...] = ()
    """Which plugins take no part, and why."""
    root: Path | None = None
    """The project's folder, in which functions stand that parameters name."""
    unsafe: frozenset[str] = frozenset()
    """Formats of models that may run code when they are read, and that the environment lets in."""

    def of(self, axis: Axis) -> Mapping[str, Item]:
        """What is added to one axis, by name."""
        found: Mapping[str, Item] = getattr(self, axis.plural)
        return found

    def items(self) -> Iterator[tuple[str, str, Origin | None]]:
        """Axis, name and origin of all that is added, axis by axis."""
        for axis in AXES:
            yield from ((axis.word, name, self.origin(axis.word, name)) for name in sorted(self.of(axis)))

    def origin(self, axis: str, name: str) -> Origin | None:
        """Where one thing comes from; None for what nobody registered."""
        return self.origins.get((axis, name))


Added = dict[tuple[str, str], tuple[Any, Origin]]
"""What was added, by axis and name, with where it comes from."""
T = TypeVar("T")


def load_plugins(
    root: Path | None,
    report: Report,
    *,
    allow: Sequence[str] | None = None,
    deny: Sequence[str] = (),
    seconds: float = inf,
    unsafe: Collection[str] = (),
) -> Plugins:
    """Find plugins in the entry-point group `headrace` and in `plugins/*.py` of the project.

    What comes later may take the place of what comes before where it says `override`: built in, installed, the project's own. `allow` and
    `deny` name distributions; $HEADRACE_PLUGINS names all that may take part. A plugin that fails is named in the report with its place and
    takes no part at all; none of its faults ends the command. One that takes longer than `seconds` to load has failed. `unsafe` are formats
    that the environment lets in although reading them may run code.
    """
    # A relative name is not what Python calls the file that a fault stands in.
    root = Path(os.path.abspath(root)) if root is not None else None  # noqa: PTH100 - without following links, as Python names it
    manager = pluggy.PluginManager("headrace")
    manager.add_hookspecs(specs)
    added: Added = {}
    names: list[str] = []
    off: list[Off] = []
    for candidate in candidates(root, report):
        origin = candidate.origin
        if why := _excluded(origin, allow, deny):
            off.append(Off(origin, why))
            continue
        with attended(origin, "loading"):
            given = _load(manager, candidate, root, report, seconds)
        if isinstance(given, Off):
            off.append(given)
            continue
        names.append(origin.name)
        for axis, item in given:
            _add(added, axis, item, origin, report)
    by_axis = {axis.plural: {name: item for (word, name), (item, _) in added.items() if word == axis.word} for axis in AXES}
    origins = {key: origin for key, (_, origin) in added.items()}
    return Plugins(**by_axis, names=tuple(dict.fromkeys(names)), origins=origins, off=tuple(off), root=root, unsafe=frozenset(unsafe))


def _excluded(origin: Origin, allow: Sequence[str] | None, deny: Sequence[str]) -> str | None:
    """Why a plugin takes no part, without having been looked at; None where it may."""
    if origin.kind == "builtin":
        return None
    here = {_plain(origin.name)} | ({_plain(Path(origin.name).stem)} if origin.kind == "project" else set())
    if origin.kind == "installed" and allow is not None and not here & {_plain(name) for name in allow}:
        return "`plugins.allow` in headrace.yaml does not name it"
    if here & {_plain(name) for name in deny}:
        return "`plugins.deny` in headrace.yaml names it"
    only = os.environ.get(ONLY)
    if only is not None and not here & {_plain(name) for name in only.split(",")}:
        return f"${ONLY} does not name it"
    return None


def _plain(name: str) -> str:
    """A distribution's name as pip compares it."""
    return re.sub(r"[-_.]+", "-", name.strip()).lower()


def _load(
    manager: pluggy.PluginManager, candidate: Found, root: Path | None, report: Report, seconds: float
) -> list[tuple[Axis, Item]] | Off:
    """All that one plugin adds, once each of it is known to be what it should be; or why it takes no part."""
    origin = candidate.origin
    name = f"{origin.name} {candidate.entry}"
    try:
        with fault("cannot be loaded"):
            return within(seconds, _given, manager, candidate, name)
    except PluginFault as error:
        if manager.has_plugin(name):
            manager.unregister(name=name)
        place = error.place(origin, root)
        report.add(Diagnostic("plugin-failed", f"plugin {origin} {error}", place, help=error.help))
        return Off(origin, str(error), place, broken=True)


def _given(manager: pluggy.PluginManager, candidate: Found, name: str) -> list[tuple[Axis, Item]]:
    """All that one plugin adds; PluginFault where anything of it is not what it should be."""
    with fault("cannot be loaded"):
        module = candidate.load()
    unmarked(module)
    with fault("cannot be loaded"):
        manager.register(module, name=name)
        manager.check_pending()
    given: list[tuple[Axis, Item]] = []
    for axis in AXES:
        for hook in _implementations(manager, axis, name):
            with fault(f"failed in `{axis.hook}`"), at_function(hook):
                given.extend((axis, item) for item in items(hook(), axis, candidate.origin))
    return given


def _implementations(manager: pluggy.PluginManager, axis: Axis, name: str) -> Iterator[Callable[[], Iterable[object]]]:
    for implementation in getattr(manager.hook, axis.hook).get_hookimpls():
        if implementation.plugin_name == name:
            yield implementation.function


def _add(added: Added, axis: Axis, item: Item, origin: Origin, report: Report) -> None:
    for name, (other, before) in list(added.items()):
        shared = name == (axis.word, item.name)
        suffixes = sorted(set(item.suffixes) & set(other.suffixes)) if isinstance(item, Reader) and isinstance(other, Reader) else []
        if not shared and not suffixes:
            continue
        if item.override and origin.rank > before.rank:
            del added[name]
            continue
        what = f"the {axis.word} `{item.name}`" if shared else f"a reader of `{'`, `'.join(suffixes)}`"
        help_ = "write `override=True` where it is meant to take the other's place" if origin.rank > before.rank else "keep one of them"
        report.add(Diagnostic("plugin-collision", f"{what} is added by both {before} and {origin}", help=help_))
        return
    added[axis.word, item.name] = (item, origin)
