"""A door to Prefect that leads into memory: what an apply does to it is what it would do to a server, in microseconds."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Self
from uuid import uuid4

from headrace.diagnostics import Diagnostic, HeadraceError
from headrace.plan.wanted import Automation, Deployment, Observed


@dataclass(slots=True)
class MemoryServer:
    """What a server holds, by project; several doors may lead to one."""

    deployments: dict[tuple[str, str], Deployment] = field(default_factory=dict)
    automations: dict[tuple[str, str], Automation] = field(default_factory=dict)
    targets: dict[tuple[str, str], str] = field(default_factory=dict)
    """By automation, the id of the deployment that it starts: one made anew under the same name is another."""
    watches: set[str] = field(default_factory=set)
    runs: dict[str, tuple[str, str, Mapping[str, Any]]] = field(default_factory=dict)
    """By id: project, deployment, parameters."""
    keys: dict[tuple[str, str], str] = field(default_factory=dict)
    """By deployment's id and idempotency key, the run."""
    pool: bool = False


class MemoryDoor:
    """One project's door to a server in memory; it passes the conformance tests of the real one."""

    def __init__(self, project: str, server: MemoryServer | None = None) -> None:
        self.project = project
        self.server = server or MemoryServer()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        return None

    def observe(self) -> Observed:
        """All that is the project's."""
        mine = {name: one for (project, name), one in self.server.deployments.items() if project == self.project}
        names = {one.id: name for name, one in mine.items()}
        automations = {
            name: replace(one, deployment=names.get(self.server.targets[project, name], ""))
            for (project, name), one in self.server.automations.items()
            if project == self.project
        }
        return Observed(dict(sorted(mine.items())), automations, self.server.pool, self.project in self.server.watches)

    def put_pool(self) -> None:
        """Make the work pool, or set it going again."""
        self.server.pool = True

    def put_deployment(self, wanted: Deployment, *, paused: bool = False) -> None:
        """Make or replace one deployment; one that stands keeps its id."""
        key = (self.project, wanted.name)
        there = self.server.deployments.get(key)
        self.server.deployments[key] = replace(wanted, paused=paused, id=there.id if there is not None else str(uuid4()))

    def delete_schedules(self, name: str) -> None:
        """Take a deployment's schedules away."""
        if (there := self.server.deployments.get((self.project, name))) is not None:
            self.server.deployments[self.project, name] = replace(there, schedules=())

    def delete_deployment(self, name: str) -> None:
        """Take a deployment away; its past runs stay."""
        self.server.deployments.pop((self.project, name), None)

    def put_automation(self, wanted: Automation) -> None:
        """Make or replace one automation; HeadraceError `prefect-refused` where its deployment does not stand."""
        target = self.server.deployments.get((self.project, wanted.deployment))
        if target is None:
            message = f"automation {wanted.name} would start {wanted.deployment}, which Prefect does not have"
            raise HeadraceError(Diagnostic("prefect-refused", message))
        key = (self.project, wanted.name)
        there = self.server.automations.get(key)
        self.server.automations[key] = replace(wanted, enabled=True, id=there.id if there is not None else str(uuid4()))
        self.server.targets[key] = target.id

    def put_crash_watch(self) -> None:
        """Make the automation that notices runs whose process died."""
        self.server.watches.add(self.project)

    def delete_automation(self, name: str) -> None:
        """Take one automation away."""
        self.server.automations.pop((self.project, name), None)
        if name == f"headrace:{self.project}:crash-watch":
            self.server.watches.discard(self.project)

    def run(self, deployment: str, parameters: Mapping[str, Any] | None = None, idempotency_key: str | None = None) -> str:
        """Start one run and return its id; the same key again returns the same run."""
        found = self.server.deployments.get((self.project, deployment))
        if found is None:
            raise HeadraceError(Diagnostic("no-deployment", f"Prefect has no deployment {deployment} of {self.project}"))
        key = (found.id, idempotency_key or str(uuid4()))
        if key not in self.server.keys:
            self.server.keys[key] = str(uuid4())
            self.server.runs[self.server.keys[key]] = (self.project, deployment, dict(parameters or {}))
        return self.server.keys[key]

    def started(self, deployment: str) -> list[str]:
        """The ids of a deployment's runs, oldest first."""
        return [id_ for id_, (project, name, _) in self.server.runs.items() if (project, name) == (self.project, deployment)]
