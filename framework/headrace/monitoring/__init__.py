"""How a model fares: windows of its predictions, their drift, estimated and realised performance, and the alerts over them."""

from headrace.monitoring.values import Alert, Alerts, Drift, Performance, Windows

__all__ = ["Alert", "Alerts", "Drift", "Performance", "Windows"]
