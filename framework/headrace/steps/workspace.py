"""Where a step finds the project that it works for: `flows/headrace.json`, and the store and plugins that it names."""

from __future__ import annotations

import logging
import os
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from types import TracebackType
from typing import Self

from headrace.compiled import WORKSPACE, WorkspaceConfig, read
from headrace.diagnostics import Diagnostic, HeadraceError, Report
from headrace.hooks import Plugins, load_plugins
from headrace.identity import local_principal
from headrace.identity import service as named_service
from headrace.steps.announced import announce_beside
from headrace.store import Store
from headrace.store.sealing import Seal

__all__ = ["Workspace", "open_workspace", "workspace"]

LOG = logging.getLogger("headrace.steps")
FILE = Path("flows") / WORKSPACE
VARIABLE = "HEADRACE_WORKSPACE"


@dataclass
class Workspace:
    """A compiled project that is open: use it as a context manager, or `close` it."""

    path: Path
    config: WorkspaceConfig
    store: Store
    plugins: Plugins
    report: Report = field(default_factory=Report)
    """What was wrong with plugins that were left out."""
    service: str | None = None
    announces: bool = False
    """Whether the server of lineage is told when it is closed."""

    @property
    def root(self) -> Path:
        """The project's folder."""
        return self.path.parent.parent

    @cached_property
    def actor(self) -> str:
        """Who acts: the service that opened it, or else the person at this machine."""
        return named_service(self.service) if self.service is not None else local_principal(self.store)

    @property
    def seal(self) -> Seal:
        """Who signs checkpoints of the audit log, and who witnesses them."""
        audit = self.config.audit
        return Seal(self.root, self.config.environment, *(() if audit is None else (audit.key, audit.witnesses)))

    def witness(self) -> None:
        """Publish a checkpoint of the audit log, after what was decided stands. What keeps it from that is logged: the decision stands."""
        try:
            self.seal.publish(self.store)
        except HeadraceError as error:
            for fault in error.report:
                LOG.error("%s[%s]: %s", fault.severity, fault.id, fault.message)  # noqa: TRY400 - a message for who runs it, no trace

    def close(self) -> None:
        """Give the connections back; then tell the environment's server of lineage of the runs, if that was asked for."""
        actor = self.actor if self.announces and self.config.lineage is not None else ""
        self.store.close()
        if actor:
            announce_beside(self.root, self.config, actor)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()


def workspace(service: str | None = "flow") -> Workspace:
    """Open the project that this process runs in: named by $HEADRACE_WORKSPACE, or found from the working directory upwards.

    `service` is who acts, None for the person at this machine. What runs did in it is announced when it is closed.
    HeadraceError `not-compiled` where there is no project, and those of `open_workspace`.
    """
    named = os.environ.get(VARIABLE)
    if named:
        path = Path(named)
        return _announcing(open_workspace(path / FILE if path.is_dir() else path, service))
    here = Path.cwd()
    for folder in (here, *here.parents):
        if (folder / FILE).is_file():
            return _announcing(open_workspace(folder / FILE, service))
    raise HeadraceError(
        Diagnostic(
            "not-compiled", f"there is no {FILE.as_posix()} in {here} or above it", help="type `headrace compile` in the project's folder"
        ),
    )


def _announcing(found: Workspace) -> Workspace:
    found.announces = True
    return found


def open_workspace(path: Path, service: str | None = None) -> Workspace:
    """Open the project of one `flows/headrace.json`.

    A plugin that is broken is left out and logged: what needs it says so. HeadraceError: `not-compiled`, `config-unreadable`, and those of
    `Store.open`.
    """
    path = path.resolve()
    config = read(WorkspaceConfig, path)
    report = Report()
    plugins = load_plugins(path.parent.parent, report, allow=config.plugins.allow, deny=config.plugins.deny, unsafe=config.unsafe_formats)
    for off in plugins.off:
        if off.broken:
            LOG.warning("error[plugin-failed]: %s", off.line)
    for fault in report:
        if fault.id != "plugin-failed":
            LOG.warning("%s[%s]: %s", fault.severity, fault.id, fault.message)
    store = Store.open(config.store, config.blobs, root=path.parent.parent)
    return Workspace(path, config, store, plugins, report, service)
