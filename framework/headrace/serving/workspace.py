"""What a model's server opens: the store, the plugins and the spool that `flows/headrace.json` names."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import TracebackType
from typing import Self

from headrace.compiled import GovernanceConfig, ServingConfig, SourceConfig, ViewConfig, WorkspaceConfig, read
from headrace.diagnostics import Diagnostic, Exit, HeadraceError, Report
from headrace.hooks import Plugins, load_plugins
from headrace.store import Store

LOG = logging.getLogger("headrace.serving")


@dataclass(frozen=True, slots=True)
class Workspace:
    """Where the project remembers: its folder, store, plugins, and the model's spool folder. A context manager that closes the store."""

    root: Path
    store: Store
    plugins: Plugins
    spool: Path
    production: bool
    environment: str
    views: Mapping[str, ViewConfig] = field(default_factory=dict)
    sources: Mapping[str, SourceConfig] = field(default_factory=dict)
    online: str = ".headrace/online"
    """Where events are kept: a folder, a URL, or a reference to one."""
    project: str = ""
    governance: GovernanceConfig = field(default_factory=GovernanceConfig)
    """Who must agree to a version, where nothing was applied yet."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.store.close()


def open_workspace(path: Path, serving: ServingConfig) -> Workspace:
    """Open what `flows/headrace.json` names for one of its models' servers.

    HeadraceError where it cannot be read or a part of it cannot be opened, and `config-unreadable` where it is another project's.
    """
    config = _known(path, serving)
    root = path.resolve().parent.parent
    report = Report()
    plugins = load_plugins(root, report, allow=config.plugins.allow, deny=config.plugins.deny, unsafe=config.unsafe_formats)
    for fault in report:  # a broken plugin is left out and named; a model that needs it is refused when it is loaded
        LOG.warning("%s[%s]: %s", fault.severity, fault.id, fault.message)
    store = Store.open(config.store, config.blobs, root=root)
    return Workspace(
        root=root,
        store=store,
        plugins=plugins,
        spool=root / config.spool / serving.model,
        production=config.production,
        environment=config.environment,
        views=config.views,
        sources=config.sources,
        online=config.online,
        project=config.project,
        governance=config.governance,
    )


def beside(opened: Workspace, path: Path, serving: ServingConfig) -> Workspace:
    """The same store and plugins for another of the project's models, with its own spool; HeadraceError as `open_workspace`."""
    return replace(opened, spool=opened.root / _known(path, serving).spool / serving.model)


def _known(path: Path, serving: ServingConfig) -> WorkspaceConfig:
    config = read(WorkspaceConfig, path)
    if serving.project != config.project or serving.model not in config.models:
        message = f"{path} is of project {config.project} with the models {', '.join(config.models) or 'none'}: it knows no "
        message += f"model/{serving.model} of project {serving.project}"
        raise HeadraceError(Diagnostic("config-unreadable", message, help="type `headrace compile` to write both again"), Exit.FAILED)
    return config
