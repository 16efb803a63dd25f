"""A model's deployments as their config, and every config as JSON that a person can read and a diff can show."""

from __future__ import annotations

import json
import re
from typing import Any, assert_never

import orjson

from headrace.compiled import AutomationConfig, Config, CronConfig, DeployConfig, DeploymentConfig, IntervalConfig, ScheduleConfig
from headrace.compiler.ir import Cron, Interval, Life, Schedule
from headrace.compiler.literal import readable, seconds

_EXPONENT = re.compile(r"e[-+0-9]")
_FOREIGN = re.compile(r"[^ -~\n]")


def pretty(config: Config) -> str:
    """JSON with sorted keys and a newline at its end; what hides or reorders text stands by its number.

    A number that JSON cannot hold is in no config.
    """
    text = _indented(config.to_json())
    if text.isascii() and "\x7f" not in text:
        return text + "\n"
    return _FOREIGN.sub(lambda match: match[0] if readable(match[0]) else _coded(match[0]), text) + "\n"


def _indented(value: dict[str, Any]) -> str:
    """As `json.dumps` would; where the compiled writer might write a number in another way, it does."""
    try:
        text = orjson.dumps(value, option=orjson.OPT_INDENT_2 | orjson.OPT_SORT_KEYS).decode()
    except TypeError:
        text = ""
    if "null" in text:
        json.dumps(value, allow_nan=False)  # the compiled writer takes a number that is none for null
    if not text or "0.0000" in text or any(text[found.start() - 1].isdigit() for found in _EXPONENT.finditer(text)):
        return json.dumps(value, indent=2, sort_keys=True, ensure_ascii=False, allow_nan=False)
    return text


def _coded(character: str) -> str:
    units = character.encode("utf-16-be", "surrogatepass")
    return "".join(f"\\u{units[i] << 8 | units[i + 1]:04x}" for i in range(0, len(units), 2))


def deployments(life: Life) -> DeployConfig:
    """`flows/NAME.deploy.json`: what is deployed, when it starts by itself, and by which event."""
    name = life.model.name
    return DeployConfig(
        project=life.project,
        model=name,
        deployments=tuple(
            DeploymentConfig(
                name=f"{name}/{flow.name}",
                flow=flow.name,
                entrypoint=f"flows/{life.module}.py:{flow.name}",
                parameters={},
                schedules=tuple(_schedule(schedule) for schedule in life.schedules.get(flow.name, ())),
            )
            for flow in life.flows
        ),
        automations=tuple(
            AutomationConfig(
                name=f"headrace:{life.project}:{name}:{link.flow}",
                event=link.event,
                resource=life.resource,
                deployment=f"{name}/{link.flow}",
            )
            for link in life.links
        ),
    )


def _schedule(schedule: Schedule) -> ScheduleConfig:
    match schedule:
        case Interval(slug, every):
            return IntervalConfig(slug=slug, interval_seconds=seconds(every))
        case Cron(slug, line):
            return CronConfig(slug=slug, cron=line)
        case _:
            assert_never(schedule)
