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
