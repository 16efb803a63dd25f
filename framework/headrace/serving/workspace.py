"""The compiled configs that a server starts from: its own, and the workspace's beside it."""

from __future__ import annotations

import json
import logging
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, Self, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from headrace.diagnostics import Diagnostic, Exit, HeadraceError, Report
from headrace.hooks import Plugins, load_plugins
from headrace.store import Store

LOG = logging.getLogger("headrace.serving")


class _Compiled(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")


class InputConfig(_Compiled):
    """One input of a request, and the source's column that it is; a number may be bounded."""

    name: str
    column: str | None = None
    type: Literal["number", "category"]
    low: float | None = None
    high: float | None = None


class JudgeConfig(_Compiled):
    """One metric of the abort side; `over` in seconds."""

    metric: Literal["error_rate", "slow_request"]
    over: float | None = None
    promote_below: float
    negligible: float
    ceiling: float | None = None


class RolloutConfig(_Compiled):
    """What the server needs of a rollout in order to abort it."""

    judge: tuple[JudgeConfig, ...]
    false_rollback: float
    warmup_requests: int


class ServingConfig(_Compiled):
    """`flows/NAME.serving.json`."""

    model: str
    project: str
    entity: str
    inputs: tuple[InputConfig, ...]
    target: str
    port: int
    time: str | None = None
    unit: str | None = None
    fallback: Literal["champion", "none"] = "champion"
    max_rows: int = Field(default=1000, ge=1)
    rollout: RolloutConfig | None = None

    @model_validator(mode="after")
    def _unit_is_in_the_request(self) -> Self:
        if self.unit not in {None, self.entity} and self.unit_input is None:
            raise ValueError(f"the rollout's unit `{self.unit}` is neither the entity nor an input, so that no request carries it")
        return self

    @property
    def unit_input(self) -> str | None:
        """The input that arms are assigned by; None where it is the entity."""
        if self.unit in {None, self.entity}:
            return None
        return next((item.name for item in self.inputs if self.unit in {item.name, item.column}), None)


class PluginsConfig(_Compiled):
    """Which installed plugins take part."""

    allow: tuple[str, ...] | None = None
    deny: tuple[str, ...] = ()


class WorkspaceConfig(_Compiled):
    """What a server reads of `flows/headrace.json`."""

    store: str
    blobs: str
    spool: str = ".headrace/spool"
    production: bool
    plugins: PluginsConfig = PluginsConfig()


@dataclass(frozen=True, slots=True)
class Workspace:
    """Where the project remembers: its folder, store, plugins, and the model's spool folder."""

    root: Path
    store: Store
    plugins: Plugins
    spool: Path
    production: bool


C = TypeVar("C", bound=_Compiled)


def read(kind: type[C], path: Path) -> C:
    """A compiled config; HeadraceError where it is missing, no JSON, or of another shape."""
    try:
        value: Any = json.loads(path.read_text(encoding="utf-8"))
        return kind.model_validate(value)
    except FileNotFoundError:
        message = f"{path} does not exist: it was never compiled"
        raise HeadraceError(Diagnostic("not-compiled", message, help="type `headrace compile`"), Exit.FAILED) from None
    except (OSError, ValueError) as error:
        reason = (
            f"{'.'.join(map(str, error.errors()[0]['loc'])) or 'the whole'}: {error.errors()[0]['msg']}"
            if isinstance(error, ValidationError)
            else str(error)
        )
        message = f"{path} cannot be read: {reason}"
        raise HeadraceError(
            Diagnostic("config-unreadable", message, help="type `headrace compile` to write it again"), Exit.FAILED
        ) from error


def open_workspace(path: Path, model: str) -> Workspace:
    """Open what `flows/headrace.json` names; HeadraceError where a part of it cannot be opened."""
    config = read(WorkspaceConfig, path)
    root = path.resolve().parent.parent
    report = Report()
    allow = config.plugins.allow
    plugins = load_plugins(root, report, allow=list(allow) if allow is not None else None, deny=list(config.plugins.deny))
    for fault in report:  # a broken plugin is left out and named; a model that needs it is refused when it is loaded
        LOG.warning("%s[%s]: %s", fault.severity, fault.id, fault.message)
    store = Store.open(config.store, config.blobs, root=root)
    return Workspace(root=root, store=store, plugins=plugins, spool=root / config.spool / model, production=config.production)
