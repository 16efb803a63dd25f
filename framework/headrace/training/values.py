"""The words of the section `training` as values, and the handle on a candidate that crosses a task."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol


class Material(Protocol):
    """What training must know of its rows; `headrace.features.Rows` is one."""

    @property
    def model(self) -> str: ...  # noqa: D102
    @property
    def run_id(self) -> str: ...  # noqa: D102
    @property
    def digest(self) -> str: ...  # noqa: D102
    @property
    def train(self) -> int: ...  # noqa: D102
    @property
    def holdout(self) -> int: ...  # noqa: D102
    @property
    def new(self) -> int: ...  # noqa: D102
    @property
    def as_of(self) -> str: ...  # noqa: D102
    @property
    def entity(self) -> str: ...  # noqa: D102
    @property
    def time(self) -> str: ...  # noqa: D102
    @property
    def target(self) -> str: ...  # noqa: D102
    @property
    def group(self) -> str | None: ...  # noqa: D102
    @property
    def inputs(self) -> list[dict[str, Any]]: ...  # noqa: D102
    @property
    def spec(self) -> str: ...  # noqa: D102
    @property
    def sources(self) -> dict[str, str]: ...  # noqa: D102


@dataclass(frozen=True, slots=True)
class Baseline:
    """A plain model trained beside, to compare with."""

    algorithm: str
    params: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Candidate:
    """A registered version that nobody has judged yet; `metrics` are of its held-out rows, None where one is not defined."""

    model: str
    number: int
    run_id: str
    manifest_digest: str
    metrics: dict[str, float | None]


@dataclass(frozen=True, slots=True)
class Tuned:
    """What a search chose, and where its trials are kept; `params` go before those that the spec writes.

    `study` is the digest of what was searched by what, `trials` that of the blob with every trial, failed and pruned ones included.
    `counts` are trials by how they ended, `best` is the number of the chosen one and `values` what it is worth by each objective.
    """

    study: str
    trials: str
    best: int
    params: dict[str, Any]
    values: dict[str, float]
    counts: dict[str, int]

    def to_json(self) -> dict[str, Any]:
        """As a manifest has it."""
        return {
            "study": self.study,
            "trials": self.trials,
            "best": self.best,
            "params": self.params,
            "values": self.values,
            "counts": self.counts,
        }
