"""The Open Inference Protocol's repository of a server of several models: one list of what each of them says of itself."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import orjson

REPOSITORY = "/v2/repository/"


def index(told: Iterable[bytes], gone: Mapping[str, str], body: bytes) -> list[dict[str, Any]]:
    """The rows of all models' indexes, and one for each that was not started; none of those where only what is ready is asked for.

    `body` is the request's, which those who told their rows have understood.
    """
    rows: list[dict[str, Any]] = [row for said in told for row in orjson.loads(said)]
    if body.strip() and orjson.loads(body).get("ready", False):
        return rows
    return rows + [{"name": name, "version": "", "state": "UNAVAILABLE", "reason": fault} for name, fault in gone.items()]
