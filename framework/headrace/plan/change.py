"""A plan as a value: what would be added, changed, removed and mended, file by file and field by field."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from headrace.spec import Effect


class Action(StrEnum):
    """What a plan says of one address."""

    ADD = "add"
    CHANGE = "change"
    MOVE = "move"
    """It has another name now, and keeps all that belonged to the old one."""
    RETIRE = "retire"
    """It left the files and goes on for its grace."""
    REMOVE = "remove"
    OUTSIDE = "outside"
    """Somebody changed the running system, and not through the specs."""


@dataclass(frozen=True, slots=True)
class Change:
    """One field's change; `old` and `new` are JSON, None where the field was not or will not be there."""

    path: str
    old: Any
    new: Any
    effect: Effect
    place: str | None = None
    """`specs/employment.yaml:23`, where the field stands now."""
    note: str | None = None
    """What the change would have meant for what is recorded."""


@dataclass(frozen=True, slots=True)
class Item:
    """What a plan says of one address; `effects` are the distinct ones of its changes, the gravest first."""

    action: Action
    address: str
    effects: tuple[Effect, ...] = ()
    changes: tuple[Change, ...] = ()
    notes: tuple[str, ...] = ()
    place: str | None = None
    """Where something new stands."""
    before: str | None = None
    """The address that it had before it was moved."""
    blocked: str | None = None
    """Why apply would refuse to do it."""


@dataclass(frozen=True, slots=True)
class FileChange:
    """One compiled file that does not stand on disk as it should."""

    path: str
    action: str
    """`write` or `delete`."""


@dataclass(frozen=True, slots=True)
class Training:
    """A model that apply would train, and why."""

    model: str
    why: str
    key: str
    """The same key starts the same run, so that an apply that was cut short starts it once."""


@dataclass(frozen=True, slots=True)
class Judging:
    """A model whose newest version apply would have judged again, and why; the key is as a training's."""

    model: str
    number: int
    why: str
    key: str


@dataclass(frozen=True, slots=True)
class Forecast:
    """Whether a rollout can decide with the declared traffic."""

    model: str
    requests: int
    """What the candidate gets over all steps."""
    needed: int
    """What it needs when nothing fails."""
    days: float | None = None
    """At which look it has been asked so often; None where the steps are over before."""
    expected: Mapping[str, Any] | None = None
    """What simulated rollouts came to, as `rollout.expected` says; None where nobody asked, or it cannot be simulated."""


@dataclass(frozen=True, slots=True)
class Selection:
    """What a plan was narrowed to, in the words of the command line."""

    select: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()
    at_once: bool = False
    """Whether a model that left the files has no grace."""

    @property
    def partial(self) -> bool:
        """Whether anything may be left out."""
        return bool(self.select or self.exclude)


@dataclass(frozen=True, slots=True)
class AliasBack:
    """An alias that was moved in the store, and not through Headrace; `number` is what the log says it stands for, None for nothing."""

    model: str
    alias: str
    number: int | None


@dataclass(frozen=True, slots=True)
class Plan:
    """All that apply would do; equal inputs give an equal plan.

    `digest` binds it to specs, compiled files, environment, the state's serial and the version of Headrace.
    """

    project: str
    environment: str
    serial: int
    digest: str
    observed: bool
    """Whether a Prefect server was looked at."""
    items: tuple[Item, ...]
    files: tuple[FileChange, ...]
    train: tuple[Training, ...]
    forecasts: tuple[Forecast, ...]
    unchanged: int
    notes: tuple[str, ...] = ()
    """What somebody should know before it is carried out; no part of what is done."""
    selection: Selection = Selection()
    aliases: tuple[AliasBack, ...] = ()
    """What would be put back in the registry."""
    judge: tuple[Judging, ...] = ()
    retiring: tuple[str, ...] = ()
    """The addresses of models that left the files and go on for their grace."""

    @property
    def blocked(self) -> tuple[Item, ...]:
        """What apply would refuse to do."""
        return tuple(item for item in self.items if item.blocked is not None)

    @property
    def empty(self) -> bool:
        """Whether there is nothing to do."""
        return not (self.items or self.files or self.train or self.judge)

    def count(self, action: Action) -> int:
        """How many addresses it would do this to."""
        return sum(item.action is action for item in self.items)

    @property
    def effects(self) -> Mapping[str, int]:
        """How many addresses have each effect, the gravest first: the sum of what their lines say."""
        found: dict[str, int] = {}
        for effect in sorted(Effect, reverse=True):
            n = sum(effect in item.effects for item in self.items)
            if n:
                found[effect.word] = n
        return found
