"""`flows/NAME.deploy.json`: what of a model is deployed, when it starts by itself, and by which event."""

from __future__ import annotations

from pydantic import JsonValue

from headrace.compiled.config import Config


class IntervalConfig(Config):
    """Start again and again, in wall time."""

    slug: str
    interval_seconds: int | float


class CronConfig(Config):
    """Start at the ticks of a cron line, in UTC."""

    slug: str
    cron: str


ScheduleConfig = IntervalConfig | CronConfig
"""When a deployment starts by itself."""


class DeploymentConfig(Config):
    """One flow of the model; `name` is `employment/train`, `entrypoint` is `flows/employment.py:train`."""

    name: str
    flow: str
    entrypoint: str
    parameters: dict[str, JsonValue]
    schedules: tuple[ScheduleConfig, ...]


class AutomationConfig(Config):
    """An event of the model's resource starts one of its deployments."""

    name: str
    event: str
    resource: str
    deployment: str


class DeployConfig(Config):
    """The whole file."""

    project: str
    model: str
    deployments: tuple[DeploymentConfig, ...]
    automations: tuple[AutomationConfig, ...]
