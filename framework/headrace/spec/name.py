"""Names and references as types of the language."""

from __future__ import annotations

import re
from typing import Annotated

from pydantic import AfterValidator, BeforeValidator, WithJsonSchema

from headrace.address import NAME, Address


class BadName(ValueError):  # noqa: N818 - a fault of the user, named for what is bad
    """Text that is no name, or no column's name."""


def _name(value: str) -> str:
    if not NAME.fullmatch(value) or len(value) > 63:  # noqa: PLR2004 - as long as a DNS label
        raise BadName(f"`{value[:80]}` is no name: lower-case letters, digits and single dashes or underscores, at most 63")
    return value


def _identifier(value: str) -> str:
    if not value.isidentifier() or len(value) > 63:  # noqa: PLR2004
        raise BadName(f"`{value[:80]}` is no column name: letters, digits and underscores, not beginning with a digit")
    return value


Name = Annotated[str, AfterValidator(_name)]
"""The name of a document or of an item with an id."""
Column = Annotated[str, AfterValidator(_identifier)]
"""The name of a column."""


def _reference(kind: str, *others: str) -> BeforeValidator:
    def read(value: object) -> str:
        if not isinstance(value, str):
            raise ValueError(f"a reference is written `{kind}/NAME`")
        named = value.partition("/")[0]
        return str(Address.parse(value, named if "/" in value and named in others else kind))

    return BeforeValidator(read)


class RefersTo(str):
    """The kind that a reference field points to; stands in the field's metadata for `project` to resolve."""

    __slots__ = ()


SourceRef = Annotated[str, _reference("source"), RefersTo("source"), WithJsonSchema({"type": "string"})]
"""`source/census`, or `census`."""
ModelRef = Annotated[str, _reference("model"), RefersTo("model"), WithJsonSchema({"type": "string"})]
"""`model/employment`, or `employment`."""
MemberRef = Annotated[str, _reference("model", "ensemble"), RefersTo("model"), WithJsonSchema({"type": "string"})]
"""`model/employment`, `employment`, or `ensemble/both`: whatever predicts."""
ChannelRef = Annotated[str, _reference("channel"), RefersTo("channel"), WithJsonSchema({"type": "string"})]
"""`channel/ml-team`, or `ml-team`."""
EnvironmentRef = Annotated[str, _reference("environment"), RefersTo("environment"), WithJsonSchema({"type": "string"})]
"""`environment/production`, or `production`."""
GroupRef = Annotated[str, _reference("group"), RefersTo("group"), WithJsonSchema({"type": "string"})]
"""`group/model-risk`, or `model-risk`."""
PolicyRef = Annotated[str, _reference("policy"), RefersTo("policy"), WithJsonSchema({"type": "string"})]
"""`policy/release`, or `release`."""


def _secret(value: str) -> str:
    if not _SECRET.fullmatch(value):
        raise ValueError("a secret never stands in a spec: write where it is kept, such as `env:NAME` or `file:PATH`")
    return value


_SECRET = re.compile(r"[a-z][a-z0-9+.-]*:\S+")
Secret = Annotated[str, AfterValidator(_secret)]
"""Where a secret is kept: `env:NAME`, `file:PATH`, or a plugin's scheme."""


def _implementation(value: str) -> str:
    module, colon, name = value.partition(":")
    if not colon or not name.isidentifier() or not all(part.isidentifier() for part in module.split(".")):
        raise ValueError(f"`{value[:80]}` names no function: write `package.module:function`")
    return value


Implementation = Annotated[str, AfterValidator(_implementation)]
"""A Python function, `package.module:function`."""
