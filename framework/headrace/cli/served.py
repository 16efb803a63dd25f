"""What another machine needs of this project in order to serve one of its models."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from importlib.metadata import Distribution, PackageNotFoundError, distribution, entry_points, packages_distributions
from pathlib import Path

from headrace.compiled import WORKSPACE, ServingConfig, WorkspaceConfig
from headrace.hooks import Server

DRIVERS = ("s3fs", "gcsfs", "adlfs")
"""What blobs elsewhere are reached by: nobody requires them."""


def server(root: Path, workspace: WorkspaceConfig, serving: ServingConfig) -> Server:
    """The compiled files, the project's own plugins and middleware, and the packages that are installed here, pinned."""
    around = sorted({one.python.partition(":")[0].partition(".")[0] for one in serving.middleware})
    own = {name: _own(root, name) for name in around}
    paths = [root / "flows" / WORKSPACE, root / "flows" / f"{serving.model}.serving.json", *_under(root / "plugins")]
    paths += [path for several in own.values() for path in several if path not in paths]
    installed = [name for name, several in own.items() if not several]
    return Server(
        model=serving.model,
        serving=serving.to_json(),
        workspace=workspace.to_json(),
        files={path.relative_to(root).as_posix(): path.read_bytes() for path in paths},
        requirements=tuple(sorted(f"{found.name}=={found.version}" for found in _closure(workspace, installed))),
        python=f"{sys.version_info.major}.{sys.version_info.minor}",
    )


def _under(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.is_file() and "__pycache__" not in path.parts)


def _own(root: Path, package: str) -> list[Path]:
    """The files of a module, or of a whole package, that stands in the project's folder; none where it is installed."""
    return _under(root / package) or [path for path in (root / f"{package}.py",) if path.is_file()]


def _closure(workspace: WorkspaceConfig, installed: Sequence[str]) -> Iterator[Distribution]:
    """Headrace with its extras, the plugins that the project goes by, what the modules that are `installed` stand in, drivers, and all
    that these require: whatever of it is installed."""  # noqa: D205, D209 - one sentence
    offered = {item.dist.name for item in entry_points(group="headrace") if item.dist is not None}
    allowed = workspace.plugins.allow
    named = {name for name in offered if (allowed is None or name in allowed) and name not in workspace.plugins.deny}
    extras = frozenset(distribution("headrace").metadata.get_all("Provides-Extra") or ())
    pending = [("headrace", extras), *((name, frozenset[str]()) for name in sorted({*named, *DRIVERS, *_standing_in(installed)}))]
    seen: set[tuple[str, frozenset[str]]] = set()
    told: set[str] = set()
    while pending:
        asked = pending.pop()
        if asked in seen:
            continue
        seen.add(asked)
        try:
            found = distribution(asked[0])
        except PackageNotFoundError:  # of another platform, or an extra that this environment does without
            continue
        pending += _required(found, asked[1])
        if found.name not in told:
            told.add(found.name)
            yield found


def _standing_in(modules: Sequence[str]) -> set[str]:
    if not modules:
        return set()
    there = packages_distributions()
    return {name for module in modules for name in there.get(module, ())}


def _required(found: Distribution, extras: frozenset[str]) -> Iterator[tuple[str, frozenset[str]]]:
    from packaging.requirements import Requirement
    from packaging.utils import canonicalize_name

    for text in found.requires or ():
        item = Requirement(text)
        if item.marker is None or any(item.marker.evaluate({"extra": extra}) for extra in {"", *extras}):
            yield canonicalize_name(item.name), frozenset(item.extras)
