"""How many processes answer for a model on one machine."""

from __future__ import annotations

from pydantic import Field

from headrace.compiled.config import Config


class ReplicasConfig(Config):
    """The least and the most processes, and the bytes above which one is replaced; None bounds nothing."""

    min: int = Field(default=1, ge=1)
    max: int = Field(default=1, ge=1)
    memory: int | None = None
