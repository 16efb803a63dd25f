"""What a generated `monitor` flow calls first: look at the windows, then judge the alerts."""

from __future__ import annotations

from datetime import timedelta

from headrace import notify
from headrace.identity import service
from headrace.monitoring import Alert, Alerts, Drift, Performance, Windows, alerts
from headrace.monitoring import measure as looks
from headrace.steps import run
from headrace.steps.workspace import workspace
from headrace.store import clock
