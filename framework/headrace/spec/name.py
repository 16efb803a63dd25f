"""Names, references and conditions as types of the language."""

from __future__ import annotations

import re
from typing import Annotated, Any

from pydantic import AfterValidator, BeforeValidator, GetJsonSchemaHandler, WithJsonSchema
from pydantic_core import CoreSchema

from headrace.address import NAME, VERSIONED, Address, form


class BadName(ValueError):  # noqa: N818 - a fault of the user, named for what is bad
    """Text that is no name, or no column's name."""


def _name(value: str) -> str:
    if not NAME.fullmatch(value) or len(value) > 63:  # noqa: PLR2004 - as long as a DNS label
        raise BadName(f"`{value[:80]}` is no name: lower-case letters, digits and single dashes or underscores, at most 63")
    return value


def _versioned(value: str) -> str:
    named, at, number = value.partition("@")
    if at and not VERSIONED.fullmatch(f"a@{number}"):
        raise BadName(f"`{value[:80]}` is no version of a view: write its number after the `@`, such as `basket@3`")
    return _name(named) + at + number


def _identifier(value: str) -> str:
    if not value.isidentifier() or len(value) > 63:  # noqa: PLR2004
        raise BadName(f"`{value[:80]}` is no column name: letters, digits and underscores, not beginning with a digit")
    return value


class Speaks(str):
    """What the names in a text are, such as `columns`; stands in the field's metadata, for an editor to offer them."""

    __slots__ = ()


Name = Annotated[str, AfterValidator(_name), WithJsonSchema({"type": "string", "pattern": f"^{NAME.pattern}$", "maxLength": 63})]
"""The name of a document or of an item with an id."""
VersionedName = Annotated[
    str, AfterValidator(_versioned), WithJsonSchema({"type": "string", "pattern": f"^{VERSIONED.pattern}$", "maxLength": 74})
]
"""The name of a feature view, or of one version of it that was applied: `basket@3`."""
# JavaScript knows no letters beyond ASCII without a flag: the pattern names what no identifier has.
Column = Annotated[
    str,
    AfterValidator(_identifier),
    Speaks("column"),
    WithJsonSchema({"type": "string", "pattern": r"^[^\s0-9!-/:-@\[-^`{-~][^\s!-/:-@\[-^`{-~]*$", "maxLength": 63}),
]
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

    def __get_pydantic_json_schema__(self, schema: CoreSchema, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        """Text of a form, marked for `spec.schema` to list the names that a project has."""
        del schema, handler
        return {"type": "string", "pattern": f"^({self}/)?{NAME.pattern}$", "x-refers-to": str(self)}


class OrTo(str):
    """A further kind that a reference field may point to, where it says so."""

    __slots__ = ()

    def __get_pydantic_json_schema__(self, schema: CoreSchema, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        """The form with one more kind before the name."""
        found = dict(handler(schema))
        kind = found["x-refers-to"]
        return {**found, "pattern": f"^(({kind}|{self})/)?{NAME.pattern}$", "x-or-to": str(self)}


class Names(RefersTo):
    """The kind that a name without a kind before it, such as a key, points to."""

    __slots__ = ()

    def __get_pydantic_json_schema__(self, schema: CoreSchema, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        """Likewise."""
        del schema, handler
        return {"type": "string", "pattern": f"^{form(self).pattern}$", "maxLength": 74, "x-names": str(self)}


class Registered(str):
    """The axis of plugins, as `hooks.Plugins` calls it, whose names a field takes; stands in the field's metadata."""

    __slots__ = ()

    def __get_pydantic_json_schema__(self, schema: CoreSchema, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        """Text, marked for `spec.schema` to list the names that are registered."""
        del schema, handler
        return {"type": "string", "x-registered": str(self)}


class OrOwn(Registered):
    """Likewise, or a name that the same section gives."""

    __slots__ = ()

    def __get_pydantic_json_schema__(self, schema: CoreSchema, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        """Likewise, marked as open to other names."""
        return {**super().__get_pydantic_json_schema__(schema, handler), "x-or-own": True}


class ParamsOf(str):
    """The key beside it that names the plugin whose parameters a mapping holds; stands in the field's metadata."""

    __slots__ = ()

    def __get_pydantic_json_schema__(self, schema: CoreSchema, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        """Keys with values, marked for `spec.schema` to choose the plugin's own."""
        del schema, handler
        return {"type": "object", "x-params-of": str(self)}


AlgorithmName = Annotated[str, Registered("algorithms")]
"""A registered algorithm."""
MetricName = Annotated[str, Registered("metrics")]
"""A registered metric."""
MeasuredName = Annotated[str, OrOwn("metrics")]
"""A registered metric, or a measure of the experiment."""
DetectorName = Annotated[str, Registered("detectors")]
"""A registered detector."""
GateName = Annotated[str, Registered("gates")]
"""A registered kind of gate."""
ChannelTypeName = Annotated[str, Registered("channels")]
"""A registered type of channel."""
TransformName = Annotated[str, Registered("transforms")]
"""A registered transform of inputs."""
TrackerName = Annotated[str, Registered("trackers")]
"""A registered kind of tracking server."""
StrategyName = Annotated[str, Registered("strategies")]
"""A registered strategy of rollouts."""
_NAME = r"((not\b|\()\s*)*[A-Za-z_][A-Za-z0-9_.-]*"
_NUMBER = r"(>=|<=|==|!=|>|<)\s*[-+]?[0-9.]+([eE][-+]?[0-9]+)?(%|[a-z]+)?"
_TEXT = r"""(==|!=)\s*('([^'\\\n]|\\['\\])*'|"([^"\\\n]|\\["\\])*")"""


def _condition(compared: str) -> WithJsonSchema:
    term = rf"{_NAME}(\s*({compared}))?(\s*\))*"
    return WithJsonSchema({"type": "string", "pattern": rf"^\s*{term}(\s*\b(and|or)\b\s*{term})*\s*$"})


_CONDITION = _condition(_NUMBER)
ConditionText = Annotated[str, _CONDITION, Speaks("quantities")]
"""A condition of the one grammar; what it names is judged over the whole project, and brackets are counted by its parser."""
RowCondition = Annotated[str, _condition(f"{_NUMBER}|{_TEXT}"), Speaks("columns")]
"""A condition over the columns of a row, which may be compared with texts, too."""
PolicyCondition = Annotated[str, _CONDITION, Speaks("facts")]
"""A condition over what is known of a version."""
_VALUE = r"([-(]\s*)*([0-9]+(\.[0-9]*)?([eE][-+]?[0-9]+)?|\.[0-9]+([eE][-+]?[0-9]+)?|[A-Za-z_][A-Za-z0-9_]*)(\s*\))*"
ArithmeticText = Annotated[
    str, WithJsonSchema({"type": "string", "pattern": rf"^\s*{_VALUE}(\s*[-+*/]\s*{_VALUE})*\s*$"}), Speaks("features")
]
"""Arithmetic over features of one view; brackets are counted by its parser."""
CronLine = Annotated[str, WithJsonSchema({"type": "string", "pattern": r"^\s*\S+(\s+\S+){4}\s*$"})]
"""A cron line of five fields."""
ViewName = Annotated[VersionedName, Names("feature_view")]
"""The name of a feature view, or of a version of it."""
SourceRef = Annotated[str, _reference("source"), RefersTo("source")]
"""`source/census`, or `census`."""
ModelRef = Annotated[str, _reference("model"), RefersTo("model")]
"""`model/employment`, or `employment`."""
MemberRef = Annotated[str, _reference("model", "ensemble"), RefersTo("model"), OrTo("ensemble")]
"""`model/employment`, `employment`, or `ensemble/both`: whatever predicts."""
ChannelRef = Annotated[str, _reference("channel"), RefersTo("channel")]
"""`channel/ml-team`, or `ml-team`."""
EnvironmentRef = Annotated[str, _reference("environment"), RefersTo("environment")]
"""`environment/production`, or `production`."""
GroupRef = Annotated[str, _reference("group"), RefersTo("group")]
"""`group/model-risk`, or `model-risk`."""
PolicyRef = Annotated[str, _reference("policy"), RefersTo("policy")]
"""`policy/release`, or `release`."""


def _secret(value: str) -> str:
    if not _SECRET.fullmatch(value):
        raise ValueError("a secret never stands in a spec: write where it is kept, such as `env:NAME` or `file:PATH`")
    return value


_SECRET = re.compile(r"[a-z][a-z0-9+.-]*:\S+")
Secret = Annotated[str, AfterValidator(_secret), WithJsonSchema({"type": "string", "pattern": f"^{_SECRET.pattern}$"})]
"""Where a secret is kept: `env:NAME`, `file:PATH`, or a plugin's scheme."""


def _implementation(value: str) -> str:
    module, colon, name = value.partition(":")
    if not colon or not name.isidentifier() or not all(part.isidentifier() for part in module.split(".")):
        raise ValueError(f"`{value[:80]}` names no function: write `package.module:function`")
    return value


Implementation = Annotated[
    str, AfterValidator(_implementation), WithJsonSchema({"type": "string", "pattern": r"^[^\s:.]+(\.[^\s:.]+)*:[^\s:.]+$"})
]
"""A Python function, `package.module:function`."""
