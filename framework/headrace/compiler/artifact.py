"""A model's deployments, its server and the workspace as JSON that a person can read and a diff can show."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any, assert_never

from headrace.compiler.ir import Cron, Interval, Life, Schedule
from headrace.compiler.literal import readable, seconds

_FOREIGN = re.compile(r"[^ -~\n]")


def pretty(value: Mapping[str, Any]) -> str:
    """JSON with sorted keys and a newline at its end; what hides or reorders text stands by its number.

    ValueError for a number that JSON cannot hold; a spec holds none.
    """
    text = json.dumps(value, indent=2, sort_keys=True, ensure_ascii=False, allow_nan=False)
    return _FOREIGN.sub(lambda match: match[0] if readable(match[0]) else _coded(match[0]), text) + "\n"


def _coded(character: str) -> str:
    units = character.encode("utf-16-be", "surrogatepass")
    return "".join(f"\\u{units[i] << 8 | units[i + 1]:04x}" for i in range(0, len(units), 2))


def deployments(life: Life) -> dict[str, Any]:
    """`flows/NAME.deploy.json`: what is deployed, when it starts by itself, and by which event."""
    name = life.model.name
    return {
        "project": life.project,
        "model": name,
        "deployments": [
            {
                "name": f"{name}/{flow.name}",
                "flow": flow.name,
                "entrypoint": f"flows/{life.module}.py:{flow.name}",
                "parameters": {},
                "schedules": [_schedule(schedule) for schedule in life.schedules.get(flow.name, ())],
            }
            for flow in life.flows
        ],
        "automations": [
            {
                "name": f"headrace:{life.project}:{name}:{link.flow}",
                "event": link.event,
                "resource": life.resource,
                "deployment": f"{name}/{link.flow}",
            }
            for link in life.links
        ],
    }


def _schedule(schedule: Schedule) -> dict[str, Any]:
    match schedule:
        case Interval(slug, every):
            return {"slug": slug, "interval_seconds": seconds(every)}
        case Cron(slug, line):
            return {"slug": slug, "cron": line}
        case _:
            assert_never(schedule)
