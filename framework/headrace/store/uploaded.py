"""When a blob on a file system of elsewhere was last uploaded."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

FRESH = timedelta(minutes=30)
"""What was uploaded this lately need not be uploaded again to count as new."""
_KEYS = ("LastModified", "last_modified", "mtime", "modified", "updated", "created")
"""How file systems call it."""


def uploaded_at(told: Mapping[str, Any]) -> datetime | None:
    """The moment in what a file system tells of a file; None where it tells none."""
    value = next((told[key] for key in _KEYS if told.get(key) is not None), None)
    if isinstance(value, int | float):
        return datetime.fromtimestamp(value, UTC)
    if isinstance(value, str):
        value = datetime.fromisoformat(value)
    if not isinstance(value, datetime):
        return None
    return value if value.tzinfo is not None else value.replace(tzinfo=UTC)
