"""A server's middleware, with the digest of the text that each stands in."""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import sha256
from pathlib import Path

from headrace.compiled import MiddlewareConfig
from headrace.hooks.own import source_of
from headrace.spec.serving_middleware import Middleware


def middleware(root: Path, section: Sequence[Middleware]) -> tuple[MiddlewareConfig, ...]:
    """What the section says of it; modules are read from the project's folder, or from what is installed."""
    return tuple(MiddlewareConfig(python=one.python, params=one.params, digest=_digest(root, one.python)) for one in section)


def _digest(root: Path, python: str) -> str:
    return f"sha256:{sha256(source_of(root.resolve(), python)).hexdigest()}"
