from datetime import UTC, datetime

AT = datetime(2026, 3, 1, tzinfo=UTC)
