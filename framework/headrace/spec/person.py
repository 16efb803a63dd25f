"""Who is meant by a name, so that nobody is two people by being written in two ways."""

from __future__ import annotations

from unicodedata import normalize


def person(name: str) -> str:
    """The principal that a name means, a person where it names no kind: `user:alice@example.com`."""
    told = normalize("NFKC", normalize("NFKC", name).strip().casefold())
    return told if ":" in told else f"user:{told}"
