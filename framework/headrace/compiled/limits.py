"""How much of a request a server takes, and how many at once."""

from __future__ import annotations

from pydantic import Field

from headrace.compiled.config import Config


class LimitsConfig(Config):
    """The limits of one server: bytes, levels, seconds, requests and connections at once."""

    body: int = Field(default=2**20, ge=1)
    depth: int = Field(default=32, ge=1)
    time: float = Field(default=5.0, gt=0)
    answer: float = Field(default=30.0, gt=0)
    concurrency: int = Field(default=256, ge=1)
    connections: int = Field(default=10_000, ge=1)
