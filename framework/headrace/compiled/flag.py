"""`flows/flags.json`: the flags that the specs declare. What is in force is what was applied of them, and the store has that."""

from __future__ import annotations

from headrace.compiled.config import Config

FlagValue = bool | int | float | str
"""What a variant stands for."""


class FlagRuleConfig(Config):
    """Who gets something else than the default: one `variant`, or shares of several; exactly one of both is there."""

    id: str
    match: dict[str, tuple[str | int | bool, ...]]
    variant: str | None
    split: dict[str, float] | None


class FlagConfig(Config):
    """One flag; the first rule that matches decides."""

    name: str
    owner: str
    description: str
    enabled: bool
    variants: dict[str, FlagValue]
    default: str
    unit: str | None
    """The attribute that shares are dealt by."""
    rules: tuple[FlagRuleConfig, ...]
    expires: str | None
    """The day, as `2027-06-30`, from which on it is told to be old."""


class FlagsConfig(Config):
    """The whole file, by name."""

    project: str
    flags: tuple[FlagConfig, ...]
