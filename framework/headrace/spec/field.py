"""How a field of the language is declared: once, with all that schema, plan, help and docs derive from it."""

from __future__ import annotations

from enum import IntEnum
from typing import TYPE_CHECKING, Any, Literal

from pydantic import BaseModel, ConfigDict, Field
from pydantic_core import PydanticUndefined

from headrace.spec.unknown import UnknownError


class Effect(IntEnum):
    """What changing a field costs, from nothing to all; a change has the gravest of its fields' effects."""

    METADATA = 0
    RECONFIGURE = 1
    REDEPLOY = 2
    RE_EVALUATE = 3
    RETRAIN = 4
    BREAKING = 5

    @property
    def word(self) -> str:
        """As a plan prints it."""
        return self.name.lower().replace("_", "-")


class Lacking(ValueError):  # noqa: N818 - a fault of the user, named for what is missing
    """A section has none of some keys, one of which must be there; `help` is what to type."""

    def __init__(self, *keys: str, help: str) -> None:  # noqa: A002 - as a diagnostic calls it
        self.keys = keys
        self.help = help
        super().__init__(f"none of {', '.join(keys)} is there")


class Spec(BaseModel):
    """A part of the language: frozen, and closed to unknown keys."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, validate_by_name=True, validate_by_alias=True, defer_build=True)

    if not TYPE_CHECKING:  # else every attribute would be one of its own

        def __getattr__(self, name: str) -> Any:  # noqa: ANN401 - pydantic's own
            """Asked for what is not there: a field of a part of a document that could not be read as a whole (`spec.partial`)."""
            if name in type(self).model_fields:
                raise UnknownError(name)
            return super().__getattr__(name)


def field(
    description: str,
    effect: Effect,
    *,
    default: Any = PydanticUndefined,  # noqa: ANN401 - pydantic's own default
    example: object = None,
    unit: str | None = None,
    later: bool | tuple[object, ...] = False,
    usual: bool = False,
    reference: Literal["may", "must"] | None = None,
    **constraints: Any,  # noqa: ANN401 - handed to pydantic
) -> Any:  # noqa: ANN401 - what pydantic's Field returns
    """Declare one field: description and effect always; without a default it is required.

    `later` says that nothing runs by it yet: `validate` takes it, and what would run refuses it. A tuple says so of single values.
    `usual` says that most write it though it may be left out, so that an editor fills it in.
    With `reference` it holds a secret, and may, or must, be one such as `env:NAME`; no other field may.
    """
    extra: dict[str, Any] = {"effect": effect.word}
    if unit is not None:
        extra["unit"] = unit
    if reference is not None:
        extra["secret"] = reference
    if example is not None:
        extra["example"] = example
    if usual:
        extra["usual"] = True
    if later:
        extra["later"] = list(later) if isinstance(later, tuple) else True
    return Field(default=default, description=description, json_schema_extra=extra, **constraints)
