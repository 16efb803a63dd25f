"""The name of bytes: their SHA-256, by which versions, rows and definitions are told from one another."""

import hashlib


def digest(data: bytes) -> str:
    """`sha256:` and 64 hex digits."""
    return f"sha256:{hashlib.sha256(data).hexdigest()}"
