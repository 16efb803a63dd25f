"""What a compiled project says, before it is text: steps, flows, links, configs. No orchestrator's words."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from functools import lru_cache

from headrace.address import Address
from headrace.compiled import ServingConfig, WorkspaceConfig

_WORDS = re.compile(r"[A-Za-z_][A-Za-z0-9_]*(?:\.[A-Za-z_][A-Za-z0-9_]*)*")


@lru_cache(maxsize=10_000)  # the compiler has some hundred words, and asks for them in every flow
def _word(text: str) -> str:
    """The text, where it is one that the compiler itself may have written as a name; ValueError otherwise."""
    if not _WORDS.fullmatch(text):
        raise ValueError(f"{text!r} is no name of generated code")
    return text


@dataclass(frozen=True, slots=True)
class Variable:
    """A value known only when the step runs: one of its parameters."""

    name: str

    def __post_init__(self) -> None:
        _word(self.name)


@dataclass(frozen=True, slots=True)
class Call:
    """A call of one of the steps' words. Its name and keywords are the compiler's; what they are given may be anybody's."""

    name: str
    positional: tuple[Value, ...] = ()
    keywords: tuple[tuple[str, Value], ...] = ()

    def __post_init__(self) -> None:
        _word(self.name)
        for keyword, _ in self.keywords:
            _word(keyword)


Value = None | bool | int | float | str | timedelta | Sequence["Value"] | Mapping[str, "Value"] | Variable | Call
"""What may stand in a step: literals, lists and mappings of them, calls of the steps' words, the step's parameters."""


@dataclass(frozen=True, slots=True)
class Parameter:
    """A parameter of a step or a flow: its name and type, as Python writes them."""

    name: str
    type: str


@dataclass(frozen=True, slots=True)
class Step:
    """One section of a spec as one step: what it takes, what it gives, and the one call that does it."""

    name: str
    says: str
    takes: tuple[Parameter, ...]
    gives: str
    call: Call
    retries: int = 0
    retry_after: timedelta = timedelta(0)
    timeout: timedelta | None = None
    function: str = ""
    """Its name in Python, where that is another."""
    beside: bool = False
    """Whether the next step is handed what this one gives beside what this one was handed."""
    kept: bool = True
    """Whether Prefect keeps what it gives; a worker elsewhere would keep it where nobody reads it."""

    def __post_init__(self) -> None:
        _word(self.function or self.name)

    @property
    def python_name(self) -> str:
        """What the flow's module calls it."""
        return self.function or self.name


@dataclass(frozen=True, slots=True)
class Shared:
    """A section whose work many tasks share: a flow of its own, within the other.

    One task begins it; as many as `times`, on the runner, are handed what that gives and a number; one ends it with what all of them give.
    """

    name: str
    says: str
    begins: Step
    each: Step
    ends: Step
    runner: Call
    times: int
    wait: timedelta
    """After which what is missing is waited for no more."""
    beside: bool = False

    @property
    def python_name(self) -> str:
        """What the flow's module calls it."""
        return self.name

    @property
    def takes(self) -> tuple[Parameter, ...]:
        """What it is handed."""
        return self.begins.takes

    @property
    def gives(self) -> str:
        """What comes of it."""
        return self.ends.gives

    @property
    def tasks(self) -> tuple[Step, ...]:
        """In the order in which they run."""
        return (self.begins, self.each, self.ends)


class Announces(StrEnum):
    """When a flow announces what its last step found, so that another flow may start by it."""

    ALWAYS = "always"
    IF_PASSED = "if_passed"
    NEVER = "never"


@dataclass(frozen=True, slots=True)
class Flow:
    """Steps in the order they run, each handed what the one before it gives."""

    name: str
    says: str
    takes: tuple[Parameter, ...]
    steps: tuple[Step | Shared, ...]
    announces: Announces
    result: str = ""
    """What the last step's answer is called, where it is announced."""


@dataclass(frozen=True, slots=True)
class Interval:
    """Start a flow again and again, in wall time."""

    slug: str
    every: timedelta


@dataclass(frozen=True, slots=True)
class Cron:
    """Start a flow at the ticks of a cron line, in UTC."""

    slug: str
    line: str


Schedule = Interval | Cron
"""When a flow starts without an event."""


@dataclass(frozen=True, slots=True)
class Link:
    """An event of the model starts one of its flows."""

    event: str
    flow: str


@dataclass(frozen=True, slots=True)
class Life:
    """One model's flows, when they start, and by what."""

    project: str
    """Whose they are, as `compiled.owner` says it."""
    model: Address
    owner: str
    description: str
    module: str
    """The Python module's name; it never hides one that the flows import."""
    flows: tuple[Flow, ...]
    schedules: Mapping[str, tuple[Schedule, ...]]
    """By flow."""
    links: tuple[Link, ...]

    @property
    def resource(self) -> str:
        """How its events name it."""
        return f"headrace.{self.project}.{self.model.name}"


@dataclass(frozen=True, slots=True)
class Compiled:
    """A whole project; lives and servers are made while they are asked for, once, since no text needs two of them."""

    workspace: WorkspaceConfig
    backfilling: Call | None
    """The task runner of backfills, where there are any."""
    lives: Iterator[Life]
    servers: Iterator[ServingConfig]
