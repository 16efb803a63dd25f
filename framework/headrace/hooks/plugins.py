"""Which plugins take part, and what they add, by name."""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from importlib.metadata import entry_points
from pathlib import Path
from types import ModuleType
from typing import Any, TypeVar

import pluggy

from headrace.diagnostics import Diagnostic, Report
from headrace.hooks import specs
from headrace.hooks.contracts import Algorithm, ChannelType, Detector, Metric, Reader


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


class _WrongItemError(Exception):
    """A hook gave something other than what it is asked for."""


T = TypeVar("T", Algorithm, Metric, Detector, ChannelType, Reader)


def _items(given: object, kind: type[T]) -> list[T]:
    """What a hook gave, once it is known to be what it was asked for; a generator may raise here whatever it likes."""
    if not isinstance(given, Iterable) or isinstance(given, str | bytes | Mapping):
        raise _WrongItemError(f"it gave {'None' if given is None else type(given).__name__}, and not a list of {kind.__name__}")
    items: list[T] = []
    for item in given:
        if not isinstance(item, kind):
            raise _WrongItemError(f"it gave {'None' if item is None else type(item).__name__}, and not {kind.__name__}")
        if not isinstance(item.name, str):
            raise _WrongItemError(f"it gave a {kind.__name__} whose name is {item.name!r}, and not text")
        items.append(item)
    return items


def _collect(manager: pluggy.PluginManager, hook: str, kind: type[T], report: Report) -> dict[str, T]:
    found: dict[str, T] = {}
    origin: dict[str, str] = {}
    for implementation in getattr(manager.hook, hook).get_hookimpls():
        plugin = implementation.plugin_name
        try:
            items = _items(implementation.function(), kind)
        except (Exception, SystemExit) as error:  # noqa: BLE001 - a plugin may raise anything; it is named and left out
            why = str(error) if isinstance(error, _WrongItemError) else f"{type(error).__name__}: {error}"
            report.add(Diagnostic("plugin-failed", f"plugin `{plugin}` failed in `{hook}`: {why}"))
            continue
        for item in items:
            if item.name in found:
                report.add(Diagnostic("plugin-collision", f"`{item.name}` is added by both `{origin[item.name]}` and `{plugin}`"))
                continue
            found[item.name], origin[item.name] = item, plugin
    return found


def _files(root: Path | None) -> Iterable[Path]:
    return sorted((root / "plugins").glob("*.py")) if root is not None and (root / "plugins").is_dir() else ()


def _module(path: Path) -> ModuleType:
    name = f"headrace_project_plugins.{path.stem}"
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        raise ImportError(f"{path} cannot be loaded")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


def load_plugins(root: Path | None, report: Report, *, allow: Sequence[str] | None = None, deny: Sequence[str] = ()) -> Plugins:
    """Find plugins in the entry-point group `headrace` and in `plugins/*.py` of the project.

    A plugin that fails to load is named in the report and left out; none of its faults ends the command.
    """
    manager = pluggy.PluginManager("headrace")
    manager.add_hookspecs(specs)
    register: list[tuple[str, Callable[[], Any]]] = []
    for point in sorted(entry_points(group="headrace"), key=lambda p: (p.dist is None or p.dist.name != "headrace", p.name)):
        distribution = point.dist.name if point.dist is not None else point.name
        if distribution != "headrace" and ((allow is not None and distribution not in allow) or distribution in deny):
            continue
        register.append((distribution, point.load))
    register.extend((f"plugins/{path.name}", partial(_module, path)) for path in _files(root))
    names = []
    for name, load in register:
        try:
            manager.register(load(), name=name)
            manager.check_pending()
        except (Exception, SystemExit) as error:  # noqa: BLE001 - a plugin may raise anything; it is named and left out
            if manager.has_plugin(name):
                manager.unregister(name=name)
            report.add(Diagnostic("plugin-failed", f"plugin `{name}` cannot be loaded: {type(error).__name__}: {error}"))
            continue
        names.append(name)
    return Plugins(
        algorithms=_collect(manager, "headrace_algorithms", Algorithm, report),
        metrics=_collect(manager, "headrace_metrics", Metric, report),
        detectors=_collect(manager, "headrace_detectors", Detector, report),
        channels=_collect(manager, "headrace_channels", ChannelType, report),
        readers=_collect(manager, "headrace_readers", Reader, report),
        names=tuple(names),
    )
