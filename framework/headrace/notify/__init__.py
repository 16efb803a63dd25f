"""The outbox: what is to be said to whom, and how it gets there."""

from headrace.notify.outbox import deliver, put

__all__ = ["deliver", "put"]
