"""What of a text is a secret: told in the same way wherever one is refused, and never shown."""

from __future__ import annotations

import re
from collections.abc import Iterable

HIDDEN = "•"
"""Stands for each character of a secret, so that carets stay in their places."""
_INSIDE = re.compile(
    r"[A-Za-z][A-Za-z0-9+.-]*://(?:"
    r"[^/@:\s]*:[^/@\s]+@"  # user:password@
    r"|[^/@:\s]{16,}@"  # token@
    r"|\S*[?&](?:[a-z_-]*(?:token|secret|password|passwd|signature)|api_?-?key|auth|sig|key|code)=[^&\s]{4,}"
    r"|hooks\.slack\.com/(?:services|workflows|triggers)/\w+/"
    r"|(?:\w+\.)?discord(?:app)?\.com/api/webhooks/\d+/\S"
    r"|\S*webhook\.office\.com/\S"
    r"|api\.telegram\.org/bot\d+:\S"
    r")",
    re.IGNORECASE,
)
"""A URL that says a secret: a password, a token, or an address that is one itself, as those of chats are."""
_URL = re.compile(r"([A-Za-z][A-Za-z0-9+.-]{0,30}://)([^\s\"'`<>]+)")


def holds_secret(text: str) -> bool:
    """Whether a text is a URL with a secret in it."""
    return _INSIDE.match(text) is not None


def masked(text: str) -> str:
    """A text without the secrets of the URLs in it, and as long as it was."""
    if "://" not in text:
        return text
    return _URL.sub(lambda url: url[1] + HIDDEN * len(url[2]) if holds_secret(_closed(url[0])) else url[0], text)


def concealed(text: str, secrets: Iterable[str]) -> str:
    """A text without these secrets, and without those of the URLs in it, and as long as it was."""
    for secret in sorted(secrets, key=len, reverse=True):
        text = text.replace(secret, HIDDEN * len(secret))
    return masked(text)


def _closed(url: str) -> str:
    """What a message cut before the end of a password is taken for."""
    return url.replace("…", "@") if url.endswith("…") else url
