"""What `flows/flags.json` holds."""

from __future__ import annotations

from headrace.compiled import FlagConfig, FlagRuleConfig, FlagsConfig
from headrace.project import Project
from headrace.spec import Flag


def flags(project: Project) -> FlagsConfig | None:
    """All flags of a project, by name; None where it has none."""
    found = tuple(_flag(flag) for flag in project.scope.of(Flag))
    return FlagsConfig(project=project.project.name, flags=found) if found else None


def _flag(flag: Flag) -> FlagConfig:
    return FlagConfig(
        name=flag.name,
        owner=flag.owner,
        description=flag.description,
        enabled=flag.enabled,
        variants=dict(flag.variants),
        default=flag.default,
        unit=flag.unit,
        rules=tuple(
            FlagRuleConfig(
                id=rule.id,
                match=dict(rule.match),
                variant=rule.variant,
                split=dict(rule.split) if rule.split is not None else None,
            )
            for rule in flag.rules
        ),
        expires=flag.expires.isoformat() if flag.expires is not None else None,
    )
