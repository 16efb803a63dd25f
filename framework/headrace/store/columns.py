"""How values of ours are kept in columns: moments in UTC, closed lists of words, JSON, ids."""

from __future__ import annotations

import math
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any
from uuid import uuid4

from sqlalchemy import JSON, BigInteger, Column, DateTime, Dialect, Enum, Float, Integer
from sqlalchemy.types import TypeDecorator
from sqlmodel import Field


class UtcTime(TypeDecorator[datetime]):
    """A moment: tz-aware in Python, always UTC; a naive datetime is refused (ValueError).

    PostgreSQL keeps `timestamptz`; SQLite keeps text of fixed width in UTC, so that moments sort as text.
    """

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """To UTC; SQLite keeps no zone."""
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError(f"a moment needs its time zone: {value!r}")
        utc = value.astimezone(UTC)
        return utc.replace(tzinfo=None) if dialect.name == "sqlite" else utc

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """With its zone again."""
        del dialect
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


class ExactFloat(TypeDecorator[float]):
    """A float that comes back as it went in, NaN and the infinities too (but SQLite keeps no sign of zero).

    The column is NULL where it is NaN, since no two databases order NaN alike.
    """

    impl = Float
    cache_ok = True

    def process_bind_param(self, value: float | None, dialect: Dialect) -> float | None:
        """NaN to NULL."""
        del dialect
        return None if value is None or math.isnan(value) else value

    def process_result_value(self, value: float | None, dialect: Dialect) -> float:
        """NULL to NaN."""
        del dialect
        return math.nan if value is None else value


BIG_SERIAL = BigInteger().with_variant(Integer(), "sqlite")
"""A 64-bit key that counts up; SQLite counts only an INTEGER PRIMARY KEY, which has 64 bits as well."""


def new_id() -> str:
    """A fresh id: 32 hex digits of a random UUID."""
    return uuid4().hex


def identifier() -> Any:  # noqa: ANN401 - what SQLModel's Field returns
    """A primary key of text, made where none is given."""
    return Field(default_factory=new_id, primary_key=True)


def serial() -> Any:  # noqa: ANN401 - what SQLModel's Field returns
    """A primary key that counts up and is never used twice."""
    return Field(default=None, sa_column=Column(BIG_SERIAL, primary_key=True, autoincrement=True))


def moment(*, optional: bool = False, key: bool = False) -> Any:  # noqa: ANN401 - what SQLModel's Field returns
    """A moment in UTC."""
    if key:
        return Field(sa_column=Column(UtcTime(), primary_key=True))
    if optional:
        return Field(default=None, sa_column=Column(UtcTime(), nullable=True))
    return Field(sa_column=Column(UtcTime(), nullable=False))


def exact() -> Any:  # noqa: ANN401 - what SQLModel's Field returns
    """A float, kept exactly."""
    return Field(sa_column=Column(ExactFloat(), nullable=True))


def json(*, optional: bool = False) -> Any:  # noqa: ANN401 - what SQLModel's Field returns
    """A plain dict or list; NaN and the infinities are refused when it is written."""
    if optional:
        return Field(default=None, sa_column=Column(JSON(none_as_null=True), nullable=True))
    return Field(sa_column=Column(JSON(), nullable=False))


def word(kind: type[StrEnum], name: str, *, default: StrEnum | None = None, optional: bool = False, key: bool = False) -> Any:  # noqa: ANN401 - what SQLModel's Field returns
    """One word of a closed list, kept by a CHECK constraint of this name."""
    length = 32
    enum = Enum(
        kind,
        name=name,
        native_enum=False,
        create_constraint=True,
        validate_strings=True,
        length=length,
        values_callable=lambda members: [member.value for member in members],
    )
    if key:
        return Field(sa_column=Column(enum, primary_key=True))
    if optional:
        return Field(default=None, sa_column=Column(enum, nullable=True))
    if default is not None:
        return Field(default=default, sa_column=Column(enum, nullable=False))
    return Field(sa_column=Column(enum, nullable=False))
