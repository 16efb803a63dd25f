"""What a request may carry: the config's inputs as pydantic models, and their faults in the caller's words."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Annotated, Any, NamedTuple

from pydantic import AfterValidator, AwareDatetime, BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, create_model
from pydantic_core import ErrorDetails, SchemaValidator, from_json

from headrace.compiled import InputConfig, ServingConfig
from headrace.features.online import Definition, entity_of, moment
from headrace.hooks import Task
from headrace.hooks.answers import MOST_RELEVANT
from headrace.hooks.values import LONGEST_TEXT
from headrace.serving.codec import Codec
from headrace.serving.once import once, refuse_twice
from headrace.serving.problem import Fault, Refused
from headrace.stats.category import category_text

MAX_FAULTS = 20
"""How many faults one answer lists; the rest is counted."""
MAX_TEXT = 256
"""The longest text, in characters, of an entity or a category."""

_tuple: Any = tuple.__new__
"""How a row is made where it is felt: a named tuple's own way takes four times as long."""
NO_NUL = r"^[^\x00]*$"  # PostgreSQL stores no NUL: one such record would hold up all that come after it
STRICT = ConfigDict(extra="forbid", strict=True, arbitrary_types_allowed=False)


def utc(value: datetime) -> datetime:
    """A time with its zone, in UTC; ValueError where UTC has no such year."""
    try:
        return value.astimezone(UTC)
    except OverflowError:
        raise ValueError("the time is out of range") from None


Entity = Annotated[int, Field(ge=-(2**63), le=2**63 - 1)] | Annotated[str, Field(min_length=1, max_length=MAX_TEXT, pattern=NO_NUL)]
"""Whom a request is about, or what its row is ranked within."""


def _as_category(value: object) -> object:
    """A whole number as the text that training has it as; what is none stays as it is, and is refused."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return value
    text = category_text(value)
    return value if text is None else text


_Category = Annotated[str, Field(max_length=MAX_TEXT, pattern=NO_NUL), BeforeValidator(_as_category, json_schema_input_type=str | int)]
_QUICK_CATEGORY = Annotated[Annotated[str, Field(max_length=MAX_TEXT, pattern=NO_NUL)] | _Category, Field(union_mode="left_to_right")]
"""The same, to read alone: most are text, and no function of ours is asked about those."""
_Text = Annotated[str, Field(max_length=LONGEST_TEXT, pattern=NO_NUL)]
Time = Annotated[AwareDatetime, AfterValidator(utc)]


def _zero_or_one(value: float) -> float:
    if value not in (0.0, 1.0):
        raise ValueError("must be 0 or 1")
    return value


def _relevance(value: float) -> float:
    if not 0 <= value <= MOST_RELEVANT or value % 1:
        raise ValueError(f"must be a whole number from 0 to {MOST_RELEVANT}")
    return value


_ANSWER: dict[Task, Any] = {
    "binary": (Annotated[float, AfterValidator(_zero_or_one)], {"enum": [0, 1]}),
    "multiclass": (_Category, None),
    "regression": (Annotated[float, Field(allow_inf_nan=False)], None),
    "quantile": (Annotated[float, Field(allow_inf_nan=False)], None),
    "ranking": (Annotated[float, AfterValidator(_relevance)], {"minimum": 0, "maximum": MOST_RELEVANT, "multipleOf": 1}),
}
"""What turns out to be true, and what its schema says beside the type."""


class _Absent:
    """What a request does not send."""


ABSENT = _Absent()
"""An input that is not sent, since it is read."""


class Row(NamedTuple):
    """One valid request: who, and the inputs by name; a missing value is None."""

    entity: str
    unit: str
    inputs: dict[str, Any]
    """One that was not sent, and is read instead, is `ABSENT`."""
    unseen: tuple[str, ...] = ()
    """The entity, where it is known of no event."""
    group: str | None = None
    """Of a ranking: what it is ranked within."""


@dataclass(frozen=True, slots=True)
class Answer:
    """One valid outcome: whose, what, and since when it is known (None: now)."""

    entity: str
    value: float | str
    known_at: datetime | None


class Schema:
    """The three bodies of a model, read from bytes; Refused (422, naming each field) where they do not fit."""

    def __init__(self, config: ServingConfig, read: Collection[str] = ()) -> None:
        """`read` are the inputs that need not be sent."""
        self._entity = config.entity
        self._names = tuple(item.name for item in config.inputs)
        self._unit = config.unit_input
        self._group = config.group
        self._by_group = self._group is not None and config.unit == config.group
        self._optional = bool(read)
        self._told_names = self._names if self._group is None else (*self._names, self._group)
        self._width = len(self._told_names)
        # Fields are numbered and named by alias: a column may be called `json` or `model_config`.
        fields: dict[str, Any] = {f"f{i}": (annotation(item), _field(item.name, read)) for i, item in enumerate(config.inputs)}
        self.row: type[BaseModel] = create_model(
            "Row",
            __config__=STRICT,
            entity_=(Entity, Field(alias=config.entity, description="whom the prediction is about")),
            **fields,
            **self._grouped(),
        )
        self.rows: type[BaseModel] = create_model(
            "Rows",
            __config__=STRICT,
            rows=(Annotated[list[self.row], Field(min_length=1, max_length=config.max_rows)], ...),  # type: ignore[name-defined, arg-type]
        )
        answer, said = _ANSWER[config.task]
        outcome = create_model(
            "Outcome",
            __config__=STRICT,
            entity_=(Entity, Field(alias=config.entity)),
            value=(answer, Field(alias=config.target, json_schema_extra=said)),
            known_at=(Time | None, Field(default=None, description="since when it is known; now, where it is left out")),
        )
        self.outcomes: type[BaseModel] = create_model(
            "Outcomes",
            __config__=STRICT,
            outcomes=(Annotated[list[outcome], Field(min_length=1, max_length=config.max_rows)], ...),
        )
        self._codec = self._compiled(config, read)
        self._validate = None if self._codec is None else self._codec.validate
        self._usual = self._group is None and self._unit is None and not self._optional
        self._row = self.row.__pydantic_validator__
        self._rows = self.rows.__pydantic_validator__
        self._outcomes = self.outcomes.__pydantic_validator__

    def _grouped(self) -> dict[str, Any]:
        if self._group is None:
            return {}
        return {"group_": (Entity, Field(alias=self._group, description="what the row is ranked within"))}

    def _compiled(self, config: ServingConfig, read: Collection[str]) -> Codec | None:
        """The codec of rows; None where two fields of a request have one name, which only the models can tell apart."""
        if len({*self._names, self._entity, self._group}) < len(self._names) + 2:
            return None
        fields = {item.name: annotation(item, _QUICK_CATEGORY) for item in config.inputs} | {self._entity: Entity}
        if self._group is not None:
            fields[self._group] = Entity
        return Codec(fields, optional=read, most=config.max_rows)

    def quick(self, body: bytes) -> Row | None:
        """The body of /predict; None where `read_row` must say what it is."""
        if self._validate is None:
            return None
        # A call less is felt: what `Codec.row`, `once` and `_told` do of the usual row stands here.
        try:
            found = self._validate(body)
        except ValidationError:
            return None
        if body.count(b":") != len(found) and not once(body, len(found)):
            return None
        if not self._usual:
            return self._told(found)
        entity = str(found.pop(self._entity))
        made: Row = _tuple(Row, (entity, entity, found, (), None))
        return made

    def read_row(self, body: bytes) -> Row:
        """The body of /predict."""
        found = self.quick(body)
        if found is not None:
            return found
        try:
            made = self._read(self._row, body, self.say)
        except Refused:
            _refuse_many(body, self._told_names)
            raise
        refuse_twice(body, len(made.__pydantic_fields_set__))
        return self._to_row(made.__dict__)

    def read_rows(self, body: bytes) -> list[Row]:
        """The body of /predict/batch."""
        found = self._codec.rows(body) if self._codec is not None else None
        if found is not None:
            refuse_twice(body, 1 + sum(map(len, found)))
            return [self._told(values) for values in found]
        made = self._read(self._rows, body, self._say_batch)
        refuse_twice(body, 1 + sum(len(row.__pydantic_fields_set__) for row in made.__dict__["rows"]))
        return [self._to_row(row.__dict__) for row in made.__dict__["rows"]]

    def _told(self, values: dict[str, Any]) -> Row:
        """A row of the codec's, which is nobody else's: what is left of it are the inputs."""
        entity = str(values.pop(self._entity))
        inputs = values
        if self._group is not None:
            # Journalled beside the inputs, since a training on what was answered needs it.
            values[self._group] = str(values.pop(self._group))
        if self._optional and len(values) < self._width:
            inputs = {name: values.get(name, ABSENT) for name in self._told_names}
        if self._group is None and self._unit is None:
            return Row(entity, entity, inputs)
        group = None if self._group is None else inputs[self._group]
        unit = group if self._by_group else inputs[self._unit] if self._unit is not None else None
        return Row(entity, entity if unit is None else str(unit), inputs, (), group)

    def read_outcomes(self, body: bytes) -> list[Answer]:
        """The body of /outcomes."""
        found = self._read(self._outcomes, body, self._say_outcome).__dict__["outcomes"]
        refuse_twice(body, 1 + sum(len(item.__pydantic_fields_set__) for item in found))
        return [Answer(str(item.entity_), item.value, item.known_at) for item in found]

    def _to_row(self, values: Mapping[str, Any]) -> Row:
        entity = str(values["entity_"])
        # The model's fields stand in the order they were declared in: the entity, then the inputs, then a ranking's group.
        told = tuple(values.values())[1:]
        if self._group is None:
            inputs = dict(zip(self._names, told, strict=True))
            unit = inputs[self._unit] if self._unit is not None else None
            return Row(entity, entity if unit is None else str(unit), inputs)
        group = str(told[-1])
        inputs = dict(zip(self._names, told[:-1], strict=True))
        unit = group if self._by_group else inputs[self._unit] if self._unit is not None else None
        # Journalled beside the inputs, since a training on what was answered needs it.
        return Row(entity, entity if unit is None else str(unit), inputs | {self._group: group}, group=group)

    def _read(self, validator: SchemaValidator | Any, body: bytes, say: Callable[[str, ErrorDetails], str]) -> Any:  # noqa: ANN401 - a model made above
        try:
            return validator.validate_json(body)
        except ValidationError as error:
            details = error.errors(include_url=False, include_input=False)
        raise refusal(details, say)

    def missing(self, name: str) -> str:
        """What is said of a field of a row that is not there."""
        return f"is required, as {_ENTITY}" if name in {self._entity, self._group} else _REQUIRED

    def say(self, name: str, detail: ErrorDetails) -> str:
        """What is said of a fault in a field of a row."""
        if name in {self._entity, self._group}:
            return self.missing(name) if detail["type"] == "missing" else _no_entity(detail)
        return said(detail, _REQUIRED, "is no input of this model")

    def _say_batch(self, name: str, detail: ErrorDetails) -> str:
        if len(detail["loc"]) == 1 and detail["type"] == "missing":
            return "is required, or `columns` in its place"
        if len(detail["loc"]) == 1 and detail["type"] == "extra_forbidden":
            return beside(name)
        if not detail["loc"] and detail["type"] == "model_type":
            return "must be a JSON object: send a list of records as `rows`"
        return self.say(name, detail)

    def _say_outcome(self, name: str, detail: ErrorDetails) -> str:
        if name == self._entity:
            return f"is required, as {_ENTITY}" if detail["type"] == "missing" else _no_entity(detail)
        return said(detail, "is required", "is no field of an outcome")


def _field(name: str, read: Collection[str]) -> Any:  # noqa: ANN401 - pydantic's
    if name not in read:
        return Field(alias=name)
    return Field(alias=name, default_factory=lambda: ABSENT, description="read as of the request's moment, where none of its view is sent")


_REQUIRED = "is required (null where it is not known)"
_ENTITY = f"a whole number or a text of 1 to {MAX_TEXT} characters"


def annotation(item: InputConfig, category: Any = _Category) -> Any:  # noqa: ANN401 - a type for pydantic
    """What an input of a request takes."""
    if item.type == "category":
        return category | None
    if item.type == "text":
        return _Text | None
    return Annotated[float, Field(ge=item.low, le=item.high, allow_inf_nan=False)] | None


_TYPES: dict[str, Any] = {
    "int64": Annotated[int, Field(ge=-(2**63), le=2**63 - 1)],
    "float": Annotated[float, Field(allow_inf_nan=False)],
    "category": _Category,
    "text": _Text,
    "timestamp": Time,
}
"""What a column of a source takes, by the spec's words."""


class EventsSchema:
    """The body of events that are pushed into a view: its source's columns by the project's names, as far as features need them."""

    def __init__(self, definition: Definition, most: int) -> None:
        view = definition.view
        self.definition = definition

        def whole(entity: int | str) -> int | str:
            if entity_of(definition, entity) is None:
                raise ValueError("must be a whole number")
            return entity

        needed = {view.entity: Annotated[Entity, AfterValidator(whole)], view.time: Time}
        optional = [name for name in (view.available_at, *definition.columns) if name is not None and name not in needed]
        self._names = tuple(dict.fromkeys([*needed, *optional]))
        fields: dict[str, Any] = {}
        for place, name in enumerate(self._names):
            kind = needed.get(name) or _TYPES[definition.types[name]] | None
            fields[f"f{place}"] = (kind, Field(alias=name)) if name in needed else (kind, Field(alias=name, default=None))
        event = create_model(f"Event_{definition.name}", __config__=STRICT, **fields)
        self.body: type[BaseModel] = create_model(
            f"Events_{definition.name}",
            __config__=STRICT,
            events=(Annotated[list[event], Field(min_length=1, max_length=most)], ...),
        )

    def read(self, body: bytes) -> list[dict[str, Any]]:
        """The rows, moments in microseconds; Refused (422, naming each field) where they do not fit."""
        try:
            found = self.body.__pydantic_validator__.validate_json(body).__dict__["events"]
        except ValidationError as error:
            details = error.errors(include_url=False, include_input=False)
        else:
            refuse_twice(body, 1 + sum(len(item.__pydantic_fields_set__) for item in found))
            return [
                {
                    name: moment(value) if isinstance(value, datetime) else value
                    for name, value in zip(self._names, item.__dict__.values(), strict=True)
                }
                for item in found
            ]
        raise refusal(details, self._say)

    def _say(self, name: str, detail: ErrorDetails) -> str:
        if name == self.definition.view.entity:
            return f"is required, as {_ENTITY}" if detail["type"] == "missing" else _no_entity(detail)
        return said(detail, "is required", "is no column that this view reads")


_NUL = "string_pattern_mismatch"
_MANY = ("rows", "columns")
"""What a batch may have, one of them."""
BATCH = "POST /predict/batch"
"""What takes many rows."""
_WORDS = {
    "json_invalid": "is no JSON: {error}",
    "model_type": "must be a JSON object",
    "list_type": "must be a list",
    "too_short": "must not be empty",
    "too_long": "must have at most {max_length} items",
    "float_type": "must be a number",
    "finite_number": "must be a finite number",
    "greater_than_equal": "must be at least {ge:g}",
    "less_than_equal": "must be at most {le:g}",
    "string_type": "must be a text or a whole number",
    "string_too_long": "must have at most {max_length} characters",
    "string_pattern_mismatch": "must not hold the character U+0000",
    "value_error": "{error}",
    "timezone_aware": "must have a time zone",
}


def _no_entity(detail: ErrorDetails) -> str:
    return _WORDS[_NUL] if detail["type"] == _NUL else f"must be {_ENTITY}"


def beside(name: str) -> str:
    """What is said of a key of a batch that is none, or is one too many."""
    return "stands beside the other: send `rows` or `columns`" if name in _MANY else "is no field of a batch: it has `rows` or `columns`"


def _refuse_many(body: bytes, names: Collection[str]) -> None:
    """Refused (422), naming where many rows go, where one was to be read and many were sent."""
    try:
        found = from_json(body)
    except ValueError:
        return
    if isinstance(found, list):
        raise refused_fields({"": f"must be one row, a JSON object: a list of rows goes to {BATCH}, as `rows`"})
    for name in _MANY if isinstance(found, dict) else ():
        if name in found and name not in names:
            raise refused_fields({name: f"is of many rows, which go to {BATCH}"})


def said(detail: ErrorDetails, missing: str, extra: str) -> str:
    """What is said of a fault that is no field's own."""
    words = _WORDS | {"missing": missing, "extra_forbidden": extra}
    if detail["type"] in words:
        return words[detail["type"]].format(**detail.get("ctx", {}))
    return detail["msg"][:1].lower() + detail["msg"][1:]


def refusal(details: Sequence[ErrorDetails], say: Callable[[str, ErrorDetails], str]) -> Refused:
    """A 422 that names each field at fault once; nothing of what was sent is repeated."""
    faults: dict[str, str] = {}
    for detail in details:
        path, name = _place(detail["loc"])
        if detail["type"] == _NUL or path not in faults:  # a union tells of each branch: of this one the character is at fault
            faults[path] = say(name, detail)
    return refused_fields(faults)


def refused_fields(faults: Mapping[str, str]) -> Refused:
    """A 422 that says of each place what is at fault there; the place is empty for the body itself."""
    listed = [Fault(path, message) for path, message in list(faults.items())[:MAX_FAULTS]]
    first = listed[0]
    headline = f"`{first.field}` {first.message}" if first.field else f"the body {first.message}"
    more = len(faults) - 1
    return Refused(422, "invalid-request", headline + (f", and {more} more" if more else ""), listed)


def _place(location: tuple[int | str, ...]) -> tuple[str, str]:
    """Where a fault is, as `rows[3].age`, and the name of its field; the branch of a union is no part of it."""
    match location:
        case ():
            return "", ""
        case (str(outer), int(index), str(name), *_):
            return f"{outer}[{index}].{name}", name
        case (str(outer), int(index), *_):
            return f"{outer}[{index}]", outer
        case (name, *_):
            return str(name), str(name)
    raise AssertionError(location)


def parse_time(text: str) -> datetime:
    """An ISO 8601 time with its zone, in UTC; ValueError otherwise."""
    value = datetime.fromisoformat(text)
    if value.tzinfo is None:
        raise ValueError("the time has no zone")
    return utc(value)


def json_schema(model: type[BaseModel]) -> dict[str, Any]:
    """A body's JSON Schema."""
    return model.model_json_schema(by_alias=True, ref_template="#/components/schemas/{model}")
