"""`flows/NAME.serving.json`: what one model's server needs to know."""

from __future__ import annotations

from typing import Literal, Self

from pydantic import Field, model_validator

from headrace.compiled.access import AccessConfig
from headrace.compiled.config import Config
from headrace.compiled.journal import JournalConfig
from headrace.compiled.limits import LimitsConfig
from headrace.compiled.middleware import MiddlewareConfig
from headrace.compiled.replicas import ReplicasConfig
from headrace.compiled.routing import CacheConfig, ShadowConfig


class InputConfig(Config):
    """One input of a request: the column of the model's rows that it is, or the view that computes it; a number may be bounded."""

    name: str
    column: str | None
    view: str | None
    type: Literal["number", "category", "text"]
    low: float | None
    high: float | None


class JudgeConfig(Config):
    """One metric of the abort side; `over` in seconds."""

    metric: Literal["error_rate", "slow_request"]
    over: float | None
    promote_below: float
    negligible: float
    ceiling: float | None


class RolloutConfig(Config):
    """What the server needs of a rollout in order to abort it."""

    judge: tuple[JudgeConfig, ...]
    false_rollback: float
    warmup_requests: int


class ServingConfig(Config):
    """The whole file; `rollout` is None where candidates replace the champion at once."""

    project: str
    model: str
    entity: str
    time: str
    unit: str
    inputs: tuple[InputConfig, ...]
    target: str
    task: Literal["binary", "multiclass", "regression", "quantile", "ranking"] = "binary"
    """What is answered; a file from before there was another task is binary."""
    group: str | None = None
    """Of a ranking: what a request is ranked within, which it carries beside its inputs."""
    port: int
    fallback: Literal["champion", "none"]
    max_rows: int = Field(ge=1)
    rollout: RolloutConfig | None
    journal: JournalConfig = JournalConfig()
    replicas: ReplicasConfig | None = None
    """How many processes answer; one, where it is None."""
    online: tuple[tuple[str, str], ...] = ()
    """The views that the server reads itself, each with the digest of all that it reads it by: another one is another server."""
    limits: LimitsConfig = LimitsConfig()
    access: AccessConfig = Field(default=AccessConfig(), exclude_if=lambda access: access == AccessConfig())
    """Who may ask, how often, over what, and who watches; not printed where nothing is said of it."""
    middleware: tuple[MiddlewareConfig, ...] = Field(default=(), exclude_if=lambda several: not several)
    """What stands around every request, outermost first; not printed where there is none."""
    shadow: ShadowConfig | None = None
    cache: CacheConfig | None = None
    measures: tuple[str, ...] = Field(default=(), exclude_if=lambda names: not names)
    """The names by which values of business metrics are told, as the experiment needs them; not printed where there is none."""

    @model_validator(mode="after")
    def _unit_is_in_the_request(self) -> Self:
        if self.unit not in {self.entity, self.group} and self.unit_input is None:
            raise ValueError(f"the rollout's unit `{self.unit}` is neither the entity nor an input, so that no request carries it")
        return self

    @property
    def url(self) -> str:
        """Where it answers on its own machine."""
        return f"{'http' if self.access.tls is None else 'https'}://127.0.0.1:{self.port}"

    @property
    def unit_column(self) -> str:
        """What the unit is called in a request."""
        return self.unit_input or (self.group if self.unit == self.group and self.group is not None else self.entity)

    @property
    def unit_input(self) -> str | None:
        """The input that arms are assigned by; None where it is the entity or the group."""
        if self.unit in {self.entity, self.group}:
            return None
        return next((item.name for item in self.inputs if self.unit in {item.name, item.column}), None)
