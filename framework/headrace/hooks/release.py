"""Which release of a plugin a registered name stands for; what is built in is the release of Headrace, and is not told again."""

from __future__ import annotations

from collections.abc import Iterable
from hashlib import sha256
from pathlib import PurePosixPath

from headrace.hooks.plugins import Plugins

UNKNOWN = "unknown"
"""The release of a distribution that does not say it."""


def releases(plugins: Plugins, things: Iterable[tuple[str, str]]) -> dict[str, str]:
    """By plugin, the release of those that these things (axis and name) come from, sorted.

    That is a distribution's version, and of a file of the project the digest of its text: what the file imports is no part of it.
    """
    found: dict[str, str] = {}
    for axis, name in things:
        origin = plugins.origin(axis, name)
        if origin is None or origin.kind == "builtin" or origin.name in found:
            continue
        if origin.kind == "project" and origin.path is not None:
            found[origin.name] = f"sha256:{sha256(origin.path.read_bytes()).hexdigest()}"
        else:
            found[origin.name] = origin.version or UNKNOWN
    return dict(sorted(found.items()))


def reader_of(plugins: Plugins, uri: str | None) -> str | None:
    """The name of the reader that reads a source's file; None for what is no file."""
    suffix = PurePosixPath(uri or "").suffix.lower()
    return next((reader.name for reader in plugins.readers.values() if suffix in reader.suffixes), None)
