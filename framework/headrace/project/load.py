"""A folder's `specs/` to a project: every file read, every fault of every document and of the whole said at once."""

from __future__ import annotations

import gc
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from math import inf
from pathlib import Path

from headrace.address import Address
from headrace.diagnostics import Report
from headrace.hooks import Plugins, load_plugins
from headrace.hooks.aside import aside
from headrace.project import environment as environments
from headrace.project.faults import explained, merged, unmixed
from headrace.project.project import Project
from headrace.project.read import read
from headrace.project.realize import Parts, World, overlays
from headrace.project.retold import again
from headrace.project.rules.environments import check as judged
from headrace.project.scope import Scope
from headrace.spec import AnyKind, Environment
from headrace.spec import Project as ProjectSpec
from headrace.spec.card_file import OutsideError, path_fault, read_file
from headrace.spec.decode import decode
from headrace.spec.unknown import UNKNOWN
from headrace.spec.value import Names, Replacing
from headrace.spec.wording import guessing


def load(
    root: Path,
    report: Report,
    environment: str | None = None,
    *,
    plugins: Plugins | None = None,
    shell: Mapping[str, str] | None = None,
    instead: Mapping[str, bytes | None] | None = None,
) -> Project | None:
    """The project of a folder, or None after errors; warnings and notes leave it standing.

    `environment` names the one to use: the only one, or `dev`, where it is not given. `plugins` replaces those that are installed,
    `shell` the environment of this process. `instead` holds what to read in the place of some files, by `specs/NAME`: other bytes, or
    None for a file that is not there.
    """
    with aside(), _uncollected(), guessing():
        found = _projects(root, report, environment, _Given(plugins, shell, instead or {}), every=False)
    return found[0] if found else None


def judge(
    root: Path,
    report: Report,
    environment: str | None = None,
    *,
    plugins: Plugins | None = None,
    shell: Mapping[str, str] | None = None,
    instead: Mapping[str, bytes | None] | None = None,
) -> tuple[Project, ...]:
    """The project of a folder in every environment that it declares, or in the one named; nothing after errors.

    A fault of several environments is said once. The other arguments are those of `load`.
    """
    with aside(), _uncollected(), guessing():
        return _projects(root, report, environment, _Given(plugins, shell, instead or {}), every=True)


@contextmanager
def _uncollected() -> Iterator[None]:
    """Without the collector of cycles: a thousand files are a million values that all stay, and it would walk them again and again."""
    was = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was:
            gc.enable()


@dataclass(frozen=True, slots=True)
class _Given:
    """What is looked at in the place of what is there."""

    plugins: Plugins | None
    shell: Mapping[str, str] | None
    instead: Mapping[str, bytes | None]


def _projects(root: Path, report: Report, wanted: str | None, given: _Given, *, every: bool) -> tuple[Project, ...]:
    found = Report(texts=report.texts)
    drafts = read(root, found, given.instead)
    replacing = Replacing(Names({}, os.environ if given.shell is None else given.shell, drafts.whole), found)
    declared = environments.declare(drafts, replacing)
    static = Parts()
    for address, node in declared.nodes.items():
        static.take(address, node, found)
    hidden = drafts.hidden.union(static.broken)
    here = Scope(static.specs, static.nodes, hidden, drafts.unread, partial=bool(static.broken))
    chosen = list(environments.each(here, wanted, found, every=every))
    patches = overlays(drafts, static, [environment.name for environment in chosen], found)
    project = next((spec for spec in static.specs.values() if isinstance(spec, ProjectSpec)), None)
    installed = given.plugins if given.plugins is not None else _plugins(root, project, found)
    world = World(drafts, static, declared, patches, replacing.uses, installed, report.texts, root)
    world.decode_static(found)
    found.extend(judged(here))
    realized = [world.realize(environment.name) for environment in chosen] or [world.realize(None)]
    looked = (*realized, *(world.realize(name) for name in patches.imagined))
    better = {key: diagnostic for one in looked for key, diagnostic in one.retold.items()}
    said = Report([*explained(again(found.found, better), replacing.uses, {})])
    said.extend(merged([(one.name, list(explained(again(one.found, better), one.origins.uses, one.removed))) for one in looked]))
    report.extend(unmixed(said.found, [draft.node for draft in drafts.all]))
    _beside(root, report)
    if not said.ok or project is None or not chosen:
        return ()
    pairs = zip(chosen, realized, strict=True)
    return tuple(Project(root, project, env, one.scope, _own(one.scope, env), one.origins) for env, one in pairs)


def _beside(root: Path, report: Report) -> None:
    """The texts of files beside the specs that something is said of, so that it is shown in its line."""
    for file in {d.span.file for d in report.found if d.span is not None and path_fault(d.span.file) is None} - report.texts.keys():
        with suppress(OSError, OutsideError):
            report.texts[file] = read_file(root, file)


def _own(scope: Scope, environment: Environment) -> dict[Address, AnyKind]:
    """The specs of one environment: without the other environments."""
    return {a: spec for a, spec in scope.specs.items() if not isinstance(spec, Environment) or spec.name == environment.name}


def _plugins(root: Path, declared: ProjectSpec | None, report: Report) -> Plugins | None:
    given = getattr(declared, "plugins", UNKNOWN) if declared is not None else UNKNOWN
    allow, deny = (getattr(given, word, UNKNOWN) if given is not UNKNOWN else UNKNOWN for word in ("allow", "deny"))
    if allow is UNKNOWN or deny is UNKNOWN:
        return None
    aside = Report(texts=report.texts)
    found = load_plugins(root, aside, allow=allow, deny=deny)
    report.extend(aside.found)
    return found if aside.ok else None


def plugins_of(root: Path, report: Report, seconds: float = inf) -> Plugins:
    """The plugins of a folder, whatever else is wrong in it; where its project document cannot be read, none that is installed.

    One that takes longer than `seconds` to load has failed.
    """
    documents = [node for _, node in read(root, Report(), {}).of("project")]
    if not documents:
        return load_plugins(root, report, seconds=seconds)
    declared = decode(documents[0], Report())
    if not isinstance(declared, ProjectSpec):
        return load_plugins(root, report, allow=[], seconds=seconds)
    return load_plugins(root, report, allow=declared.plugins.allow, deny=declared.plugins.deny, seconds=seconds)
