"""Runs and versions as they go to a server that others track by, and as they come from one: whole values, each with its digest."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from hashlib import sha256
from typing import Any, Literal

Read = Callable[[], bytes]
"""What reads bytes where they are, when they are wanted."""


@dataclass(frozen=True, slots=True)
class Point:
    """One value of a metric's history; NaN and the infinities too."""

    step: int
    value: float
    at: datetime


@dataclass(frozen=True, slots=True)
class Left:
    """Bytes that a run left: other bytes under one name are its next version. `digest` is `sha256:<hex>`, None where nobody has said it."""

    name: str
    version: int
    digest: str | None
    size: int | None
    read: Read = field(compare=False, repr=False)


@dataclass(frozen=True)
class RunRecord:
    """One run, whole. Params, tags and digests are values of JSON, with NaN; `metrics` has every value as it was logged, by step."""

    id: str
    experiment: str
    name: str | None
    model: str | None
    version: int | None
    flow: str | None
    parent: str | None
    status: Literal["running", "finished", "failed", "killed"]
    started_at: datetime
    ended_at: datetime | None
    seconds: float | None
    actor: str
    error: str | None
    dataset: Mapping[str, Any] | None
    params: Mapping[str, Any]
    tags: Mapping[str, Any]
    digests: Mapping[str, Any]
    metrics: Mapping[str, tuple[Point, ...]]
    artifacts: tuple[Left, ...]

    def to_json(self) -> str:
        """All of it but the artifacts' bytes, in one form a value; NaN and the infinities as Python's `json` writes them."""
        plain = {name: getattr(self, name) for name in self.__dataclass_fields__}
        told = {
            **plain,
            "started_at": self.started_at.isoformat(),
            "ended_at": None if self.ended_at is None else self.ended_at.isoformat(),
            "metrics": {name: [[p.step, p.value, p.at.isoformat()] for p in points] for name, points in self.metrics.items()},
            "artifacts": [[item.name, item.version, item.digest, item.size] for item in self.artifacts],
        }
        return json.dumps(told, sort_keys=True, separators=(",", ":"))

    @property
    def digest(self) -> str:
        """`sha256:<hex>` of `to_json`: equal where nothing differs."""
        return f"sha256:{sha256(self.to_json().encode()).hexdigest()}"

    @classmethod
    def from_json(cls, text: str, read: Callable[[str, int], bytes]) -> RunRecord:
        """The inverse of `to_json`; `read` gives the bytes of an artifact by its name and version. Raises what is no record's fault."""
        told = json.loads(text)

        def left(name: str, version: int, digest: str | None, size: int | None) -> Left:
            return Left(name, version, digest, size, lambda: read(name, version))

        return cls(
            **{
                **told,
                "started_at": datetime.fromisoformat(told["started_at"]),
                "ended_at": None if told["ended_at"] is None else datetime.fromisoformat(told["ended_at"]),
                "metrics": {
                    name: tuple(Point(step, float(value), datetime.fromisoformat(at)) for step, value, at in points)
                    for name, points in told["metrics"].items()
                },
                "artifacts": tuple(left(*item) for item in told["artifacts"]),
            }
        )


@dataclass(frozen=True)
class VersionRecord:
    """One version of a model: `read` gives its bytes, in its `format`; `manifest` is the canonical JSON that `manifest_digest` is of."""

    model: str
    number: int
    run_id: str
    algorithm: str
    format: str
    model_digest: str
    manifest: bytes
    manifest_digest: str
    created_at: datetime
    read: Read = field(compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class AliasRecord:
    """For which version each name of a model stands."""

    model: str
    aliases: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Skipped:
    """What a tracker passed over, such as `run 019a`, and why."""

    what: str
    why: str


@dataclass(frozen=True, slots=True)
class Sent:
    """What a tracker did with one thing, such as `run 019a`; `unchanged` where it was there already, all of it."""

    what: str
    outcome: Literal["created", "updated", "unchanged"]


@dataclass(frozen=True, slots=True)
class Outgoing:
    """What is to be on the server: runs, parents before children; versions by number; all aliases of each model. `total` counts them."""

    runs: Iterable[RunRecord]
    versions: Iterable[VersionRecord]
    aliases: Iterable[AliasRecord]
    total: int


@dataclass(frozen=True, slots=True)
class Known:
    """What is here already and need not be fetched: ids of runs that have ended; numbers of versions by model, with manifests' digests."""

    runs: frozenset[str] = frozenset()
    versions: Mapping[tuple[str, int], str] = field(default_factory=dict)


Incoming = RunRecord | VersionRecord | AliasRecord | Skipped
"""What comes from a server."""


def parents_first(parents: Mapping[str, str | None]) -> list[str]:
    """Ids of runs, each with its parent's, in the same order, but that a parent goes before its children: both may begin at one moment."""
    placed: dict[str, None] = {}
    for run_id in parents:
        line: list[str] = []
        here: str | None = run_id
        while here is not None and here in parents and here not in placed and here not in line:
            line.append(here)
            here = parents[here]
        placed.update(dict.fromkeys(reversed(line)))
    return list(placed)
