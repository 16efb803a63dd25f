"""What an apply asks of Prefect; `apply/prefect.py` is the door to a real server, `headrace.testing` has one to a memory."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

from headrace.plan.wanted import Automation, Deployment, Observed


class Door(Protocol):
    """What one Prefect server knows of one project, and the calls that change it; each may be repeated."""

    def observe(self) -> Observed:
        """All that is the project's."""

    def put_pool(self) -> None:
        """Make the work pool, or set it going again where it was paused."""

    def put_deployment(self, wanted: Deployment, *, paused: bool = False) -> None:
        """Make or replace one deployment with exactly its schedules."""

    def delete_schedules(self, name: str) -> None:
        """Take a deployment's schedules away."""

    def delete_deployment(self, name: str) -> None:
        """Take a deployment away; its past runs stay."""

    def put_automation(self, wanted: Automation) -> None:
        """Make or replace one automation; its deployment must stand."""

    def put_crash_watch(self) -> None:
        """Make the automation that notices runs whose process died."""

    def delete_automation(self, name: str) -> None:
        """Take one automation away."""

    def run(self, deployment: str, parameters: Mapping[str, Any] | None = None, idempotency_key: str | None = None) -> str:
        """Start one run and return its id; the same key again returns the same run."""
