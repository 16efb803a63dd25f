"""What is recorded of a project, and which compiled files stand on disk, as values: the past that a plan starts from."""

from __future__ import annotations

import hashlib
import os
from collections.abc import ItemsView, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import orjson

from headrace.compiled import WORKSPACE, is_compiled

if TYPE_CHECKING:
    from headrace.features.versions import Version


class Stored(Mapping[str, Any]):
    """A document as the text that a store holds of it; read whenever it is asked, since most of a large project never is."""

    __slots__ = ("text",)

    def __init__(self, text: str | bytes) -> None:
        self.text = text

    def read(self) -> dict[str, Any]:
        """The whole document."""
        found: dict[str, Any] = orjson.loads(self.text)
        return found

    def holds(self, word: str) -> bool:
        """Whether a word stands in it anywhere; nothing is read for that."""
        return word in self.text if isinstance(self.text, str) else word.encode() in self.text

    def items(self) -> ItemsView[str, Any]:
        """Read once for all of them."""
        return self.read().items()

    def __getitem__(self, key: str) -> Any:  # noqa: ANN401 - JSON
        return self.read()[key]

    def __iter__(self) -> Iterator[str]:
        return iter(self.read())

    def __len__(self) -> int:
        return len(self.read())

    def __eq__(self, other: object) -> bool:
        return self.read() == (other.read() if isinstance(other, Stored) else other)

    def __repr__(self) -> str:
        return repr(self.read())

    __hash__ = None  # type: ignore[assignment]


@dataclass(frozen=True, slots=True)
class Recorded:
    """One resource as it was last applied; `applied` holds `written`, `files`, `deployments` and `automations`."""

    uid: str
    address: str
    kind: str
    fingerprint: str
    spec: Mapping[str, Any]
    applied: Mapping[str, Any]

    @property
    def retiring(self) -> datetime | None:
        """Since when a model that left the files retires."""
        if self.kind != "model" or (isinstance(self.applied, Stored) and not self.applied.holds("retiring")):
            return None
        since = self.applied.get("retiring")
        return None if since is None else datetime.fromisoformat(since)


@dataclass(frozen=True, slots=True)
class Judged:
    """What one gate measured on one version, between `low` and `high`."""

    number: int
    value: float
    low: float | None = None
    high: float | None = None
    of: Literal["value", "difference", "slice"] | None = None
    """What it is: a metric's value, how far it is from another model's, or that of the worst slice; None where nothing tells it."""


@dataclass(frozen=True, slots=True)
class Seen:
    """One recorded window of a model: its number, when it ended, and its quantities by the names that conditions use."""

    number: int
    end: datetime
    values: Mapping[str, float | bool | None]


@dataclass(frozen=True, slots=True)
class State:
    """The recorded past: `serial` counts applies, 0 before the first."""

    serial: int = 0
    resources: Mapping[str, Recorded] = field(default_factory=dict)
    """By address."""
    versions: Mapping[str, int] = field(default_factory=dict)
    """How many versions each model has."""
    training: frozenset[str] = frozenset()
    """Models with a run of `train` that has not ended."""
    verdicts: Mapping[str, Mapping[str, tuple[Judged, ...]]] = field(default_factory=dict)
    """By model and gate: the last `VERSIONS` measured values, newest first."""
    driven: bool = False
    """Whether somebody drives the clock; Prefect's schedules are paused meanwhile."""
    disk: Mapping[str, str] = field(default_factory=dict)
    """The compiled files that stand on disk, with the digest of their text."""
    failed: Mapping[str, str] = field(default_factory=dict)
    """Models whose last training failed, with the id of that run."""
    began: bool = False
    """Whether an apply or a flow ever wrote into the store."""
    artifacts: bool = False
    """Whether the blobs hold any artifact, where that can be seen without the network."""
    pending: Mapping[str, str] = field(default_factory=dict)
    """Models whose training an interrupted apply had still to start, with the key of that run."""
    to_judge: Mapping[str, str] = field(default_factory=dict)
    """Models whose newest version an interrupted apply had still to have judged again, with the key of that run."""
    unjudged: Mapping[str, str] = field(default_factory=dict)
    """Models whose newest version was to be judged again by a run that failed, with the id of that run."""
    windows: Mapping[str, Sequence[Seen]] = field(default_factory=dict)
    """By model, its recorded windows in order; read for models whose alerts changed."""
    aliases: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    """By model and alias, the version that it stands for."""
    logged: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    """The same, as the log of events says it."""
    numbers: Mapping[str, frozenset[int]] = field(default_factory=dict)
    """By model, the versions that the registry has; read for models whose alias stands for one."""
    stragglers: frozenset[str] = frozenset()
    """Addresses that were moved, and under whose old names records came in later."""
    deciding: frozenset[str] = frozenset()
    """Models with a rollout that has not ended."""

    definitions: Mapping[str, Sequence[Version]] = field(default_factory=dict)
    """By view, what was recorded of it, oldest first; read for the views that the project uses a version of."""
    now: datetime | None = field(default=None, compare=False)
    """The environment's time when this was read."""
    left: str | None = None
    """What there is to say of an apply that has not ended; it changes no plan."""

    @property
    def champions(self) -> frozenset[str]:
        """Models with a champion."""
        return frozenset(model for model, held in self.aliases.items() if "champion" in held)

    @property
    def models(self) -> frozenset[str]:
        """The models that are recorded."""
        return frozenset(name.partition("/")[2] for name in self.resources if name.startswith("model/"))


def text_digest(text: str) -> str:
    """`sha256:<hex>` of a file's text."""
    return f"sha256:{hashlib.sha256(text.encode()).hexdigest()}"


def read_disk(root: Path, recorded: Mapping[str, Recorded] | None = None) -> dict[str, str]:
    """The files under `flows/` that the compiler or an earlier apply wrote, with the digest of their text."""
    known = {path for resource in (recorded or {}).values() for path in resource.applied.get("files", ())}
    found = {}
    for file in sorted(_files(root / "flows")):
        text = (root / "flows" / file).read_text(encoding="utf-8", errors="replace")
        if f"flows/{file}" in known or file == WORKSPACE or is_compiled(file, text):
            found[f"flows/{file}"] = text_digest(text)
    return found


def _files(folder: Path) -> list[str]:
    """The names of the Python and JSON files of a folder; none where it is away, or nobody may look."""
    try:
        with os.scandir(folder) as entries:
            return [entry.name for entry in entries if os.path.splitext(entry.name)[1] in {".py", ".json"} and entry.is_file()]  # noqa: PTH122 - thousands
    except (FileNotFoundError, NotADirectoryError, PermissionError):
        return []
