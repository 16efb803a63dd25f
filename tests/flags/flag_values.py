"""Flags as tests declare them."""

from __future__ import annotations

from typing import Any

from headrace.compiled import FlagConfig, FlagRuleConfig


def rule(id_: str = "r", variant: str | None = None, split: dict[str, float] | None = None, **match: Any) -> FlagRuleConfig:
    return FlagRuleConfig(id=id_, match={name: tuple(values) for name, values in match.items()}, variant=variant, split=split)


def flag(*rules: FlagRuleConfig, **more: Any) -> FlagConfig:
    usual: dict[str, Any] = {
        "name": "shown",
        "owner": "",
        "description": "",
        "enabled": True,
        "variants": {"on": True, "off": False},
        "default": "off",
        "unit": "person_id",
        "expires": None,
    }
    return FlagConfig(**(usual | more), rules=rules)
