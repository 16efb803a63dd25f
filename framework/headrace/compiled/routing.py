"""What a server does beside answering, as `flows/NAME.serving.json` says it: a version that mirrors, and predictions that are kept."""

from __future__ import annotations

from pydantic import Field

from headrace.compiled.config import Config


class ShadowConfig(Config):
    """Which version mirrors (an alias, `latest`, or `v7`), which share of the rows, and how many may wait for it."""

    version: str
    share: float = Field(gt=0, le=1)
    queue: int = Field(ge=1)


class CacheConfig(Config):
    """How many predictions are kept, and how long."""

    predictions: int = Field(ge=1)
    seconds: float = Field(gt=0)
