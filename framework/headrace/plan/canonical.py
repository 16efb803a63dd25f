"""Canonical JSON (RFC 8785) at the speed of a compiled writer: where the two would differ by a byte, the slow one writes."""

from __future__ import annotations

import json
import re

import orjson
import rfc8785

_TEXT = re.compile(rb'("[^"\\]*(?:\\.[^"\\]*)*")')
_WHOLE = re.compile(rb"\.0(?=[,\]}]|\Z)")
"""How a whole number that is a float ends; in canonical JSON it has no point."""
_EXPONENT = re.compile(rb"e[-+\d]")
_BEYOND = re.compile(rb"[\xf0-\xff]")
"""Characters that UTF-16, by whose units keys are sorted, orders otherwise."""
_STRICT = orjson.OPT_SORT_KEYS | orjson.OPT_STRICT_INTEGER | orjson.OPT_PASSTHROUGH_DATETIME | orjson.OPT_PASSTHROUGH_DATACLASS


def canonical(value: object) -> bytes:
    """The one text of a JSON value; raises as `rfc8785.dumps` for what has none."""
    try:
        text = orjson.dumps(value, option=_STRICT)
        if b"null" in text:
            json.dumps(value, allow_nan=False)  # the fast writer takes a number that is none for null
    except (TypeError, ValueError):
        return rfc8785.dumps(value)  # type: ignore[arg-type]
    if (b"-0.0" in text) or (not text.isascii() and _BEYOND.search(text) is not None):
        return rfc8785.dumps(value)  # type: ignore[arg-type]
    if _WHOLE.search(text) is None and _EXPONENT.search(text) is None:
        return text
    parts = _TEXT.split(text)  # by turns what stands outside of strings, and a string
    outside = b"\0".join(parts[::2])
    if _EXPONENT.search(outside) is not None:
        return rfc8785.dumps(value)  # type: ignore[arg-type]
    parts[::2] = _WHOLE.sub(b"", outside).split(b"\0")
    return b"".join(parts)
