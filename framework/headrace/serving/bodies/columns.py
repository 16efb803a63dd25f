"""Many rows as columns: read a column at a time, by the rules that a row is read by, and with the same words for a fault."""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import TYPE_CHECKING, Any

import orjson
from pydantic import ConfigDict, TypeAdapter, ValidationError

from headrace.compiled import InputConfig, ServingConfig
from headrace.hooks.values import LONGEST_TEXT
from headrace.serving.once import refuse_twice
from headrace.serving.schema import ABSENT, MAX_TEXT, Entity, Row, Schema, annotation, beside, refused_fields
from headrace.stats.category import category_text

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Values = NDArray[np.float64] | Sequence[str | None]

BODY = "columns"
"""The key that holds them, as `rows` holds records."""
_INT64 = range(-(2**63), 2**63)
Place = Callable[[str, int | None], str]
"""Where a column's value, or the column itself, stands in the body."""


@dataclass(frozen=True, slots=True)
class Columns:
    """n rows that are known to be valid, by column: numbers as float64 with NaN where there is none, all else as texts or None."""

    entities: Sequence[str]
    values: Mapping[str, Values]
    """By input, in the config's order; without those that are read instead."""
    names: tuple[str, ...]
    """All inputs."""
    groups: Sequence[str] | None = None
    group: str | None = None
    unit: str | None = None
    """The column that arms are assigned by: an input's, or the group's; None for the entity."""

    def __len__(self) -> int:
        return len(self.entities)

    @property
    def units(self) -> Sequence[str]:
        """What arms are assigned by, a row."""
        if self.unit is None:
            return self.entities
        if self.unit == self.group and self.groups is not None:
            return self.groups
        told = plain(self.values[self.unit])
        return [entity if value is None else str(value) for entity, value in zip(self.entities, told, strict=True)]

    def rows(self) -> list[Row]:
        """The same, row by row."""
        columns = [plain(self.values[name]) if name in self.values else [ABSENT] * len(self) for name in self.names]
        inputs = [dict(zip(self.names, cells, strict=True)) for cells in zip(*columns, strict=True)]
        if self.groups is not None and self.group is not None:
            inputs = [one | {self.group: group} for one, group in zip(inputs, self.groups, strict=True)]
        groups: Sequence[str | None] = self.groups if self.groups is not None else [None] * len(self)
        told = zip(self.entities, self.units, inputs, groups, strict=True)
        return [Row(entity, unit, cells, group=group) for entity, unit, cells, group in told]


def plain(values: Values) -> Sequence[Any]:
    """A column's values as Python has them, None where there is none."""
    if isinstance(values, Sequence):
        return values
    told: list[float | None] = values.tolist()
    return [None if value != value else value for value in told]  # noqa: PLR0124 - NaN alone differs from itself


@dataclass(slots=True)
class _Faults:
    """What was found wrong, by place; the first word about a place holds, but for one that goes `over` it."""

    found: dict[str, str] = field(default_factory=dict)

    def add(self, place: str, message: str, *, over: bool = False) -> None:
        if over or place not in self.found:
            self.found[place] = message


class Reader:
    """Reads columns for one config; `read` are the inputs that need not be sent."""

    def __init__(self, config: ServingConfig, schema: Schema, read: Collection[str] = ()) -> None:
        self.names = tuple(item.name for item in config.inputs)
        self.entity = config.entity
        self.group = config.group
        self.inputs = {item.name: item for item in config.inputs}
        self._schema = schema
        self._optional = frozenset(read)
        self._most = config.max_rows
        self._unit = None if config.unit == config.entity else config.group if config.unit == config.group else config.unit_input

    def json(self, body: bytes) -> Columns:
        """A body `{"columns": {NAME: [..]}}`; Refused (422, naming each field) where it does not fit."""
        try:
            given = orjson.loads(body)
        except orjson.JSONDecodeError as error:
            raise refused_fields({"": f"is no JSON: {error.msg}"}) from None
        if not isinstance(given, dict):
            raise refused_fields({"": "must be a JSON object"})
        faults = {name: beside(name) for name in given if name != BODY}
        columns: Any = given.get(BODY)
        if not isinstance(columns, dict):
            faults[BODY] = "must be a JSON object of lists, by name" if BODY in given else "is required"
        else:
            faults |= {f"{BODY}.{name}": "must be a list" for name, values in columns.items() if not isinstance(values, list)}
        if faults:
            raise refused_fields(faults)
        refuse_twice(body, 1 + len(columns))
        return self.read(columns, _in_json)

    def of(self, rows: Sequence[Row]) -> Columns:
        """Rows that are known to be valid, and each whole, as columns."""
        told = zip(*(row.inputs.values() for row in rows), strict=True)
        # Behind the inputs, in their order, a row of a ranking has its group.
        columns: dict[str, Any] = dict(zip(self.names, told, strict=False))
        values = {name: _floats(cells) if self.inputs[name].type == "number" else cells for name, cells in columns.items()}
        groups = [str(row.group) for row in rows] if self.group is not None else None
        return Columns([row.entity for row in rows], values, self.names, groups=groups, group=self.group, unit=self._unit)

    def read(self, given: Mapping[str, Any], place: Place, entities: Callable[[int], Sequence[str]] | None = None) -> Columns:
        """Columns by name, each a list or float64 (NaN: none); Refused (422) naming each fault at its place.

        `entities` makes as many as there are rows, where none are given.
        """
        faults = _Faults()
        needed = [self.entity, *self.names, *([self.group] if self.group is not None else [])]
        for name in given:
            if name not in needed:
                faults.add(place(name, None), "is no input of this model")
        for name in needed:
            if name not in given and name not in self._optional and not (name == self.entity and entities is not None):
                faults.add(place(name, None), self._schema.missing(name))
        size = self._size({name: values for name, values in given.items() if name in needed}, place, faults)
        if faults.found or size is None:
            raise refused_fields(faults.found)
        values = {name: self._column(name, item, given[name], place, faults) for name, item in self.inputs.items() if name in given}
        # An input may be called as the entity is: it is read once as each.
        called = {
            name: self._column(name, None, given[name], place, faults) for name in (self.entity, self.group or self.entity) if name in given
        }
        if faults.found:
            raise refused_fields(faults.found)
        told = called.get(self.entity)
        if told is None:
            assert entities is not None  # noqa: S101 - else it was missing
            told = entities(size)
        groups = called.get(self.group) if self.group is not None else None
        return Columns(told, values, self.names, groups=groups, group=self.group, unit=self._unit)

    def _size(self, given: Mapping[str, Any], place: Place, faults: _Faults) -> int | None:
        """How many rows there are; None where columns differ, or there are none or too many."""
        sizes = {name: len(values) for name, values in given.items()}
        if not sizes:
            return None
        first, size = next(iter(sizes.items()))
        for name, other in sizes.items():
            if other != size:
                faults.add(place(name, None), f"has {other} values, and {first} has {size}")
        if not size:
            faults.add(place(first, None), "must not be empty")
        if size > self._most:
            faults.add(place(first, None), f"must have at most {self._most} items")
        return size

    def _column(self, name: str, item: InputConfig | None, values: Any, place: Place, faults: _Faults) -> Any:  # noqa: ANN401 - of any kind
        quick = quickly(item, values)
        if quick is not None:
            return quick
        # Whatever the quick way does not take is read as a row's field is: by the same validator, with the same words.
        listed = values if isinstance(values, list) else plain(values)
        try:
            found = _adapter(item).validate_python(listed)
        except ValidationError as error:
            for detail in error.errors(include_url=False, include_input=False):
                at = detail["loc"][0] if detail["loc"] and isinstance(detail["loc"][0], int) else None
                faults.add(place(name, at), self._schema.say(name, detail), over=detail["type"] == "string_pattern_mismatch")
            return []
        if item is not None and item.type == "number":
            return _floats(found)
        return found if item is not None else [str(value) for value in found]


def quickly(item: InputConfig | None, values: Any) -> Any:  # noqa: ANN401 - a list, or float64
    """A column as it is kept; None where anything about it is unusual. No item: the entity, or a ranking's group."""
    if not isinstance(values, list):
        return _bounded(item, values) if item is not None and item.type == "number" else None
    kinds = set(map(type, values))
    if item is None:
        return _names(values, kinds)
    match item.type:
        case "number":
            return _numbers(item, values, kinds)
        case "category":
            return _categories(values, kinds)
        case "text":
            return _texts(values, kinds)


def _numbers(item: InputConfig, values: list[Any], kinds: set[type]) -> Any:  # noqa: ANN401 - float64
    if not kinds <= {float, int, type(None)}:
        return None
    try:
        found = _floats(values)
    except OverflowError:
        return None
    if _absent(found) != (values.count(None) if type(None) in kinds else 0):
        return None  # a NaN that was sent
    return _bounded(item, found)


def _bounded(item: InputConfig, found: NDArray[np.float64]) -> Any:  # noqa: ANN401 - float64
    import numpy as np

    # NaN compares to nothing, so that what is missing is within all bounds.
    low = -math.inf if item.low is None else item.low
    high = math.inf if item.high is None else item.high
    return found if not (np.isinf(found) | (found < low) | (found > high)).any() else None


def _floats(values: Sequence[float | None]) -> NDArray[np.float64]:
    import numpy as np

    return np.array(values, dtype=np.float64)


def _absent(found: NDArray[np.float64]) -> int:
    import numpy as np

    return int(np.isnan(found).sum())


def _categories(values: list[Any], kinds: set[type]) -> list[str | None] | None:
    if kinds <= {str, type(None)}:
        known = {value for value in values if value is not None}
        return values if all(len(value) <= MAX_TEXT and "\0" not in value for value in known) else None
    if kinds <= {int, float, type(None)}:
        texts = {value: category_text(value) for value in set(values) if value is not None}
        if any(text is None or len(text) > MAX_TEXT for text in texts.values()):
            return None
        return [None if value is None else texts[value] for value in values]
    return None


def _texts(values: list[Any], kinds: set[type]) -> list[str | None] | None:
    if not kinds <= {str, type(None)}:
        return None
    return values if all(value is None or (len(value) <= LONGEST_TEXT and "\0" not in value) for value in values) else None


def _names(values: list[Any], kinds: set[type]) -> list[str] | None:
    if kinds == {int}:
        return [str(value) for value in values] if min(values) in _INT64 and max(values) in _INT64 else None
    if kinds == {str}:
        return values if all(0 < len(value) <= MAX_TEXT and "\0" not in value for value in values) else None
    return None


@cache
def _adapter(item: InputConfig | None) -> TypeAdapter[Any]:
    kind: Any = Entity if item is None else annotation(item)
    return TypeAdapter(list[kind], config=ConfigDict(strict=True))


def column_schema(item: InputConfig | None) -> dict[str, Any]:
    """The JSON Schema of one column; no item: the entity, or a ranking's group."""
    return _adapter(item).json_schema()


def _in_json(name: str, at: int | None) -> str:
    return f"{BODY}.{name}" if at is None else f"{BODY}.{name}[{at}]"
