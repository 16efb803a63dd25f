"""Which variant of a flag somebody gets, by the attributes that a request has; nothing is asked and nothing is kept."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from headrace.compiled import FlagConfig, FlagRuleConfig, FlagValue
from headrace.traffic import assigning


class Reason(StrEnum):
    """Why a variant was given, in OpenFeature's words."""

    STATIC = "STATIC"
    """The flag has no rules."""
    TARGETING_MATCH = "TARGETING_MATCH"
    SPLIT = "SPLIT"
    DEFAULT = "DEFAULT"
    """No rule matched."""
    DISABLED = "DISABLED"


class Code(StrEnum):
    """Why there is no answer, in OpenFeature's words."""

    FLAG_NOT_FOUND = "FLAG_NOT_FOUND"
    PARSE_ERROR = "PARSE_ERROR"
    TARGETING_KEY_MISSING = "TARGETING_KEY_MISSING"
    INVALID_CONTEXT = "INVALID_CONTEXT"
    GENERAL = "GENERAL"


@dataclass(frozen=True, slots=True)
class Evaluated:
    """A flag's answer; `rule` is the one that decided."""

    flag: str
    variant: str
    value: FlagValue
    reason: Reason
    rule: str | None = None


@dataclass(frozen=True, slots=True)
class Unanswered:
    """Why a flag has no answer: who asks goes on with the value that its own code has for that."""

    flag: str
    code: Code
    why: str


def evaluate(flag: FlagConfig, salt: str, attributes: Mapping[str, object]) -> Evaluated | Unanswered:
    """The variant that these attributes get: of the first rule that matches, or the default.

    A rule matches where each attribute that it names is there and is one of its values, of the same type; `1` is neither `"1"` nor true.
    Shares are dealt by `traffic.assign` under the flag's own salt: the same unit keeps the same variant while the shares stand, and a share
    that is raised takes units and gives none away. Without the unit there is no answer, rather than one that may be another next time.
    """
    if not flag.enabled:
        return _given(flag, flag.default, Reason.DISABLED)
    rule = next((rule for rule in flag.rules if _matches(rule, attributes)), None)
    if rule is None:
        return _given(flag, flag.default, Reason.DEFAULT if flag.rules else Reason.STATIC)
    if rule.split is None:
        return _given(flag, rule.variant or flag.default, Reason.TARGETING_MATCH, rule.id)
    unit = _unit(flag, rule, attributes)
    if isinstance(unit, Unanswered):
        return unit
    return _given(flag, assigning(f"flag/{salt}", tuple(rule.split.items()))(unit), Reason.SPLIT, rule.id)


def _given(flag: FlagConfig, variant: str, reason: Reason, rule: str | None = None) -> Evaluated:
    return Evaluated(flag.name, variant, flag.variants[variant], reason, rule)


def _matches(rule: FlagRuleConfig, attributes: Mapping[str, object]) -> bool:
    return all(name in attributes and any(_same(attributes[name], value) for value in values) for name, values in rule.match.items())


def _same(given: object, value: object) -> bool:
    # True is 1 in Python, and a tenant of the number 1 is nobody who said yes.
    return isinstance(given, bool) == isinstance(value, bool) and given == value


def _unit(flag: FlagConfig, rule: FlagRuleConfig, attributes: Mapping[str, object]) -> str | Unanswered:
    """The unit as text, by which it is dealt: 7, 7.0 and "7" are one."""
    given = attributes.get(flag.unit or "")
    if given is None or given == "":
        return Unanswered(flag.name, Code.TARGETING_KEY_MISSING, f"rule `{rule.id}` deals shares by `{flag.unit}`, which is not there")
    if isinstance(given, float) and given.is_integer():
        given = int(given)
    if isinstance(given, bool) or not isinstance(given, str | int):
        return Unanswered(flag.name, Code.INVALID_CONTEXT, f"`{flag.unit}` is neither a text nor a whole number: shares are dealt by it")
    return str(given)
