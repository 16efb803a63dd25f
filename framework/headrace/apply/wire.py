"""Prefect's JSON and our values, one read as the other; no call is made here."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import PurePosixPath
from typing import Any

import rfc8785

from headrace.plan.wanted import Automation, Deployment, Schedule

ANCHOR = "2024-01-01T00:00:00Z"
"""Where intervals count from: without one, each apply would move the schedule."""
TERMINAL = ("COMPLETED", "FAILED", "CANCELLED", "CRASHED")
"""The state types that end a run."""
OPEN = ("SCHEDULED", "PENDING", "RUNNING", "PAUSED", "CANCELLING")
"""The state types of a run that has not ended."""


@dataclass(frozen=True, slots=True)
class Run:
    """One flow run of a project; `deployment` is ours (`employment/train`), `cause` the event that started it."""

    id: str
    deployment: str
    type: str
    name: str
    message: str
    cause: str | None
    scheduled: bool
    """Whether one of Prefect's own schedules made it."""
    expected_at: datetime
    since: datetime
    """When it came into its state."""
    parameters: Mapping[str, Any]

    @property
    def ended(self) -> bool:
        """Whether it will not change again."""
        return self.type in TERMINAL


def flow_name(name: str) -> str:
    """The flow's name in Prefect, as its decorator says it: `employment/roll_out` is `employment-roll-out`."""
    return name.replace("/", "-").replace("_", "-")


def crash_watch_name(project: str) -> str:
    """The name of the automation that ends runs whose process died."""
    return automation_name(project, "crash-watch")


def automation_name(project: str, rest: str) -> str:
    """What an automation of ours is called; its name says whose it is, since tags can be edited away."""
    return f"headrace:{project}:{rest}"


def tag(project: str) -> str:
    """What everything of a project carries in Prefect."""
    return f"headrace:project={project}"


def tags(name: str) -> list[str]:
    """What a deployment carries beside; its runs inherit it."""
    model, _, flow = name.partition("/")
    return [f"headrace:model={model}", f"headrace:flow={flow}"]


def tagged(tags: Sequence[str]) -> str:
    """Our name of a deployment or of a run of it: tags outlive a renamed flow, and runs inherit them."""
    held = dict(tag.partition("=")[::2] for tag in tags)
    return f"{held.get('headrace:model', '')}/{held.get('headrace:flow', '')}"


def schedule(wanted: Schedule) -> dict[str, Any]:
    """One schedule, as a deployment is created with it."""
    if wanted.cron is not None:
        timing: dict[str, Any] = {"cron": wanted.cron, "timezone": "UTC"}
    else:
        timing = {"interval": wanted.interval_seconds, "anchor_date": ANCHOR, "timezone": "UTC"}
    return {"slug": wanted.slug, "active": wanted.active, "schedule": timing}


def read_deployment(found: Mapping[str, Any], name: str, tags: Sequence[str]) -> Deployment:
    """A deployment of ours as the API tells of it; `tags` are those that it should carry."""
    steps = found["pull_steps"] or [{}]
    root = next((s["directory"] for s in steps[0].values() if isinstance(s, dict) and "directory" in s), "")
    schedules = [
        Schedule(s["slug"] or s["id"], s["schedule"].get("interval"), s["schedule"].get("cron"), bool(s["active"]))
        for s in found["schedules"]
    ]
    return Deployment(
        name=name,
        entrypoint=found["entrypoint"] or "",
        version=found["version"] or "",
        root=str(PurePosixPath(root)) if root else "",
        parameters=rfc8785.dumps(found["parameters"]).decode(),
        pool=found["work_pool_name"],
        schedules=tuple(sorted(schedules, key=lambda s: s.slug)),
        paused=bool(found["paused"]),
        title=found["name"],
        tagged=set(tags) <= set(found["tags"]),
        id=str(found["id"]),
    )


def read_automation(found: Mapping[str, Any], names: Mapping[str, str]) -> Automation:
    """An automation as the API tells of it; `names` are our deployments by id."""
    trigger = found["trigger"]
    action = found["actions"][0] if found["actions"] else {}
    cause = (action.get("parameters") or {}).get("cause")
    resource = (trigger.get("match") or {}).get("prefect.resource.id", "")
    return Automation(
        name=found["name"],
        event=",".join(sorted(trigger.get("expect", ()))),
        resource=",".join(resource) if isinstance(resource, list) else resource,
        deployment=names.get(str(action.get("deployment_id")), ""),
        enabled=bool(found["enabled"]),
        cause=str(cause.get("template")) if isinstance(cause, dict) else str(cause),
        id=str(found["id"]),
    )


def read_run(found: Mapping[str, Any]) -> Run:
    """A flow run as the API tells of it."""
    state = found["state"] or {"type": "PENDING", "name": "Pending", "message": "", "timestamp": found["created"]}
    parameters = found["parameters"] or {}
    cause = parameters.get("cause")
    return Run(
        id=str(found["id"]),
        deployment=tagged(found["tags"]),
        type=state["type"],
        name=state["name"],
        message=state["message"] or "",
        cause=None if cause is None else str(cause),
        scheduled=bool(found["auto_scheduled"]),
        expected_at=datetime.fromisoformat(found["expected_start_time"] or found["created"]).astimezone(UTC),
        since=datetime.fromisoformat(state["timestamp"]).astimezone(UTC),
        parameters=parameters,
    )
