"""What a Prefect server should hold for a project, read from the compiled files; the same shape that is observed there."""

from __future__ import annotations

import ast
import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import PurePosixPath
from typing import assert_never

from headrace.compiled import AutomationConfig, CronConfig, DeployConfig, DeploymentConfig, IntervalConfig, ScheduleConfig, parse
from headrace.plan.canonical import canonical

POOL = "headrace"
"""The work pool of every project; type `process`."""


_HEAD = re.compile(r"def \w+\((?P<given>[^()]*)\)(?: -> [^\n:]*)?:")
"""The head of a function of a compiled file, whose parameters hold no brackets of this kind."""


def digest(value: object) -> str:
    """`sha256:<hex>` of a value's canonical JSON (RFC 8785)."""
    return f"sha256:{hashlib.sha256(canonical(value)).hexdigest()}"


@dataclass(frozen=True, slots=True)
class Schedule:
    """One schedule of a deployment, in wall time: an interval in seconds, or a cron line in UTC."""

    slug: str
    interval_seconds: float | None = None
    cron: str | None = None
    active: bool = True


@dataclass(frozen=True, slots=True)
class Deployment:
    """One deployment; `name` is ours (`employment/train`), `version` the digest of all that was asked for."""

    name: str
    entrypoint: str
    version: str
    root: str
    parameters: str = "{}"
    """Canonical JSON."""
    pool: str | None = POOL
    schedules: tuple[Schedule, ...] = ()
    paused: bool = False
    title: str = ""
    """What it is called in Prefect, where all projects stand in one list: `labour.employment.train`."""
    tagged: bool = True
    """Whether it carries its tags, by which its runs are found."""
    id: str = field(default="", compare=False)

    @property
    def model(self) -> str:
        """The model that it belongs to."""
        return self.name.partition("/")[0]


@dataclass(frozen=True, slots=True)
class Automation:
    """One automation: an event of a model starts a deployment with the event's id as `cause`."""

    name: str
    event: str
    resource: str
    deployment: str
    enabled: bool = True
    cause: str = "{{ event.payload.id }}"
    """A template over the payload's text: `{{ event.id }}` is a UUID, which fails without a word."""
    id: str = field(default="", compare=False)

    @property
    def model(self) -> str:
        """The model that it belongs to."""
        return self.deployment.partition("/")[0]


@dataclass(frozen=True, slots=True)
class Observed:
    """What a Prefect server holds that carries this project's name."""

    deployments: Mapping[str, Deployment]
    automations: Mapping[str, Automation]
    pool: bool = True
    """Whether the work pool exists."""
    crash_watch: bool = True
    """Whether the automation that ends runs without a heartbeat exists and is on."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """What it should hold, by name."""

    deployments: Mapping[str, Deployment]
    automations: Mapping[str, Automation]


def title(project: str, name: str) -> str:
    """What a deployment is called in Prefect; no name of ours holds a dot, so no two have one title."""
    return f"{project}.{name.replace('/', '.')}"


def named(project: str, title: str) -> str | None:
    """Our name of what is called so in Prefect; None where the title is not one of this project's."""
    of, *parts = title.rsplit(".", 2)
    return "/".join(parts) if of == project and len(parts) == 2 else None  # noqa: PLR2004 - a model and its flow


def signature(source: str, function: str) -> str | None:
    """A flow's parameters as its file declares them (`as_of: datetime | None=None`); None where it has no such flow."""
    place = len(source)
    while (place := source.rfind(f"def {function}(", 0, place)) >= 0:
        begins = source[source.rfind("\n", 0, place) + 1 : place] in {"", "async "}
        if begins and (head := _HEAD.match(source, place)) is not None:
            return _parameters(head["given"])
    return None


@lru_cache(maxsize=1000)  # few heads differ in more than their name, and to parse a file takes longer than to compile it
def _parameters(given: str) -> str:
    (function,) = ast.parse(f"def function({given}): ...").body
    if not isinstance(function, ast.FunctionDef):
        raise AssertionError(given)
    return ast.unparse(function.args)


def read(outputs: Mapping[str, str], root: str) -> Wanted:
    """The deployments and automations of every `*.deploy.json` among the compiled files."""
    deployments: dict[str, Deployment] = {}
    automations: dict[str, Automation] = {}
    for path, text in sorted(outputs.items()):
        if PurePosixPath(path).name.endswith(".deploy.json"):
            asked = parse(DeployConfig, text, path)
            for entry in asked.deployments:
                deployments[entry.name] = _deployment(asked.project, entry, outputs, root)
            for link in asked.automations:
                automations[link.name] = _automation(link)
    return Wanted(deployments, automations)


def _deployment(project: str, entry: DeploymentConfig, outputs: Mapping[str, str], root: str) -> Deployment:
    path, _, function = entry.entrypoint.partition(":")
    asked = {**entry.to_json(), "root": root, "signature": signature(outputs.get(path, ""), function)}
    return Deployment(
        name=entry.name,
        entrypoint=entry.entrypoint,
        version=digest(asked),
        root=root,
        parameters=canonical(entry.parameters).decode(),
        schedules=tuple(sorted((_schedule(schedule) for schedule in entry.schedules), key=lambda s: s.slug)),
        title=title(project, entry.name),
    )


def _schedule(entry: ScheduleConfig) -> Schedule:
    match entry:
        case IntervalConfig(slug=slug, interval_seconds=every):
            return Schedule(slug, interval_seconds=every)
        case CronConfig(slug=slug, cron=line):
            return Schedule(slug, cron=line)
        case _:
            assert_never(entry)


def _automation(entry: AutomationConfig) -> Automation:
    return Automation(entry.name, entry.event, entry.resource, entry.deployment)
