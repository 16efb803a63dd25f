"""What a supervisor and its workers say to each other: one JSON object a line, on a socket of their own."""

from __future__ import annotations

from dataclasses import asdict, dataclass

import orjson


@dataclass(frozen=True, slots=True)
class Ready:
    """A worker answers from now on; `rss` are the bytes that it takes when it begins."""

    rss: int


@dataclass(frozen=True, slots=True)
class Failed:
    """A worker cannot start, and why."""

    reason: str


@dataclass(frozen=True, slots=True)
class Load:
    """How a worker has been since it last said so: the share of time that it wanted a processor, and the mean of requests in flight."""

    busy: float
    in_flight: float
    connections: int
    rss: int


@dataclass(frozen=True, slots=True)
class Leave:
    """Take nothing more, finish, and end: the others go on."""


@dataclass(frozen=True, slots=True)
class Shed:
    """Send a share of the clients away with their next answers."""

    share: float


Report = Ready | Failed | Load
Order = Leave | Shed
_REPORTS: dict[str, type[Report]] = {"ready": Ready, "failed": Failed, "load": Load}
_ORDERS: dict[str, type[Order]] = {"leave": Leave, "shed": Shed}


def line(word: Report | Order) -> bytes:
    """A word as it is sent."""
    return orjson.dumps({"is": type(word).__name__.lower(), **asdict(word)}) + b"\n"


def report(text: bytes) -> Report:
    """What a worker said."""
    told = orjson.loads(text)
    return _REPORTS[told.pop("is")](**told)


def order(text: bytes) -> Order:
    """What a supervisor said."""
    told = orjson.loads(text)
    return _ORDERS[told.pop("is")](**told)
