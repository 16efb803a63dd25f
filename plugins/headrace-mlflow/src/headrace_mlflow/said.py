"""How Headrace's names, values and moments are written in MLflow's terms, and read from there."""

from __future__ import annotations

import json
import math
import posixpath
import re
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import Any

from headrace.hooks import Left

RUN_ID, DIGEST = "headrace.run_id", "headrace.digest"
"""The tags of a run by which it is found, and by which it is known to be there, all of it."""
MANIFEST, ALIASES = "headrace.manifest_digest", "headrace.aliases"
"""The tag of a version that is from here, and that of a registered model with the aliases that were set from here."""
PREFIX = "headrace.prefix"
"""The tag of a run and of a version that were sent under a prefix: they are not those of a project without it."""
RECORD = "headrace/run.json"
"""The artifact of a run that has all of it as it is here."""
PARAM, TAG, NAME = 6000, 8000, 250
"""How many characters MLflow keeps of a param's value, a tag's value, and a name."""
STATUS = {"running": "RUNNING", "finished": "FINISHED", "failed": "FAILED", "killed": "KILLED"}
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_UNSAFE = re.compile(r"[^\w.\- :/]")
_UNSAFE_PATH = re.compile(r"[^A-Za-z0-9_.\-]")
_HUGE = 1.7976931348623157e308
_MARK = 9
_BYTES = 500_000


def name(text: str) -> str:
    """A name that MLflow takes: what it refuses becomes `_`, and then eight digits of the name's digest tell it from others."""
    safe = _UNSAFE.sub("_", text)
    if safe == text and len(text) <= NAME and posixpath.normpath(text) == text and not text.startswith(("/", "..")) and text != ".":
        return text
    return _marked(safe.strip("/.").replace("//", "_").replace("/../", "_")[: NAME - _MARK], text)


def path(item: Left, newest: int) -> str:
    """Where an artifact is put: under its own name where that is a plain file's, older bytes of one name apart.

    A name with a slash is made one word: `a` and `a/b` could not both be there, as a file and a folder may not share a name.
    """
    safe = _UNSAFE_PATH.sub("_", item.name)
    plain = safe == item.name and safe.strip(".") and safe != "headrace"
    here = item.name if plain else _marked(safe.strip(".")[:80], item.name)
    return here if item.version == newest else f"headrace/older/{item.version}/{here}"


def _marked(safe: str, text: str) -> str:
    return f"{safe}-{sha256(text.encode(errors='surrogatepass')).hexdigest()[: _MARK - 1]}"


def value(given: object, longest: int) -> str:
    """A param's or tag's value as text, cut where MLflow would cut it."""
    text = given if isinstance(given, str) else str(given) if isinstance(given, bool | int | float) or given is None else json.dumps(given)
    # What no database takes: half of a pair of surrogates, and NUL.
    safe = text.encode(errors="replace").decode().replace("\0", "\ufffd")
    return safe if len(safe) <= longest else safe[: longest - 1] + "…"


def meant(text: str) -> object:
    """The value that Python writes so, where it is a number, True, False or None; else the text."""
    if text in ("True", "False", "None"):
        return {"True": True, "False": False, "None": None}[text]
    for kind in (int, float):
        try:
            number = kind(text)
        except ValueError:
            continue
        if str(number) == text:
            return number
    return text


def number(value: float) -> float | str:
    """A metric's value as JSON has it for MLflow."""
    if math.isfinite(value):
        return value
    return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"


def measured(value: Any) -> float:  # noqa: ANN401 - a number, or its word
    """A metric's value; MLflow's databases keep an infinity as the largest number there is."""
    found = float(value)
    return math.copysign(math.inf, found) if abs(found) >= _HUGE else found


def milliseconds(at: datetime) -> int:
    """Since 1970, as MLflow counts."""
    return (at - _EPOCH) // timedelta(milliseconds=1)


def moment(milliseconds: Any) -> datetime:  # noqa: ANN401 - a number, or its text
    """The inverse."""
    return _EPOCH + timedelta(milliseconds=int(milliseconds))


def pairs(items: Sequence[Any] | None) -> dict[str, str]:
    """MLflow's lists of keys with values."""
    return {item["key"]: item.get("value", "") for item in items or ()}


def parts(items: Sequence[Any], most: int) -> Iterator[list[Any]]:
    """As many at a time as one call may have, and no more bytes: MLflow refuses a call of a million."""
    part: list[Any] = []
    size = 0
    for item in items:
        length = len(json.dumps(item))
        if part and (len(part) == most or size + length > _BYTES):
            yield part
            part, size = [], 0
        part.append(item)
        size += length
    if part:
        yield part
