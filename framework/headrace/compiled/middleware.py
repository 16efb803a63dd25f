"""A user's own Python around a server's requests."""

from __future__ import annotations

from pydantic import JsonValue

from headrace.compiled.config import Config


class MiddlewareConfig(Config):
    """One class by its reference, its arguments, and the digest of its module's text: another text is another server."""

    python: str
    params: dict[str, JsonValue]
    digest: str
