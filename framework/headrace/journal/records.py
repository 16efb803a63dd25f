"""What is journalled, as values and as the bytes of one record's body."""

from __future__ import annotations

import math
import re
import struct
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

import orjson


class PredictionRecord(NamedTuple):
    """One answer, or the failure to give one (`error`); `at` is the request's time, `inputs` what the model saw by name.

    `output` is the one number of an answer: a probability, a predicted number, the probability of the class that was answered, the middle
    quantile. Where there is more, `answer` has it: probabilities by class, or values by level.
    """

    id: str
    model: str
    version: int
    arm: str
    epoch: int
    entity: str
    at: datetime
    latency_us: int
    inputs: dict[str, Any]
    output: float | None
    error: str | None
    unseen: tuple[str, ...]
    answer: dict[str, float] | None = None


class OutcomeRecord(NamedTuple):
    """What turned out to be true of an entity, and since when it is known; `value` is finite. Of a class it is 1, and `label` its name."""

    model: str
    entity: str
    value: float
    known_at: datetime
    label: str | None = None


class MeasureRecord(NamedTuple):
    """One value of a business metric of one unit, such as an order: `at` is when it happened, `known_at` since when it is known.

    `id` is its teller's: told twice, it counts once. `column` is what the unit is called in a request, by which it is veiled.
    """

    model: str
    id: str
    unit: str
    metric: str
    value: float
    at: datetime
    known_at: datetime
    column: str


class KeyRecord(NamedTuple):
    """A subject's data key, wrapped; it stands before the first record that it encrypts a value of. `wrapped` is base64."""

    id: str
    model: str
    subject: str
    tag: str
    kek: str
    wrapped: str


Record = PredictionRecord | OutcomeRecord | MeasureRecord


class Entry(NamedTuple):
    """A record, and the wall's time at which it was spooled."""

    record: Record
    recorded_at: datetime


MARK = b"\x04"
"""What a prediction's body begins with; one that begins with `[` is all JSON: an outcome, or a prediction as it was written earlier."""
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_PREDICTION = 1
_OUTCOME = 2
_KEY = 3
_MEASURE = 4
_OPTIONS = orjson.OPT_SERIALIZE_NUMPY
_SURROGATE = re.compile("[\ud800-\udfff]")
_INT64 = range(-(2**63), 2**63)
_OPENS, _CLOSES = b"{}"
_PARTS = struct.Struct("<cII")
"""The mark, and the lengths of the first two of a body's parts: who answered whom and when; the inputs; the answer, where there is more
than a number. Each is JSON of its own: the shipper passes the last two on as they are."""


def encode(record: Record, recorded_at: datetime) -> bytes:
    """The body of a record. What JSON cannot hold changes: NaN and the infinities are null, integers beyond 64 bits are text, a lone
    surrogate, and in a name or error a NUL, is the replacement character; other objects are their text.

    Raises ValueError for an outcome or a measure that is not finite, TypeError for a moment without a zone.
    """  # noqa: D205 - one list, one sentence
    return encode_at(record, microseconds(recorded_at))


def encode_at(record: Record, recorded: int) -> bytes:
    """The same, of microseconds since 1970."""
    if isinstance(record, OutcomeRecord):
        return _dumps(_outcome(record, recorded))
    if isinstance(record, MeasureRecord):
        return _dumps(_measure(record, recorded))
    # What is written of every answer is written here: each call, and each unpacking less, is felt.
    id_, model, version, arm, epoch, entity, at, latency, inputs, output, error, unseen, answer = record
    if "\0" in entity:
        entity = _name(entity)
    if error is not None:
        error = _name(error)
    fields = (recorded, id_, model, version, arm, epoch, entity, microseconds(at), latency, output, error, unseen)
    return encode_fields(fields, inputs, answer)


def encode_fields(fields: tuple[Any, ...], inputs: dict[str, Any], answer: dict[str, float] | None) -> bytes:
    """The same of a prediction's fields as its body has them: `PredictionFields` without `inputs` and `answer`, no NUL in a text."""
    try:
        head, told = orjson.dumps(fields, option=_OPTIONS), orjson.dumps(inputs, option=_OPTIONS)
    except TypeError:
        head, told = _dumps(fields), _dumps(inputs)
    if answer is None:
        return _PARTS.pack(MARK, len(head), len(told)) + head + told
    return b"".join((_PARTS.pack(MARK, len(head), len(told)), head, told, _dumps(answer)))


def _dumps(value: Any) -> bytes:  # noqa: ANN401 - any JSON, and more
    try:
        return orjson.dumps(value, option=_OPTIONS)
    except TypeError:
        return orjson.dumps(_plain(value), option=_OPTIONS)


class PredictionFields(NamedTuple):
    """A prediction as its body has it: moments in microseconds since 1970, `inputs`, `unseen` and `answer` as text of JSON."""

    recorded_at: int
    id: str
    model: str
    version: int
    arm: str
    epoch: int
    entity: str
    at: int
    latency_us: int
    inputs: str
    output: float | None
    error: str | None
    unseen: str = "[]"
    answer: str | None = None


class OutcomeFields(NamedTuple):
    """An outcome as its body has it: moments in microseconds since 1970."""

    recorded_at: int
    model: str
    entity: str
    value: float
    known_at: int
    label: str | None = None


class MeasureFields(NamedTuple):
    """A value of a business metric as its body has it: moments in microseconds since 1970."""

    recorded_at: int
    model: str
    id: str
    unit: str
    metric: str
    value: float
    at: int
    known_at: int


class KeyFields(NamedTuple):
    """A subject's key as its body has it."""

    recorded_at: int
    id: str
    model: str
    subject: str
    tag: str
    kek: str
    wrapped: str


Fields = PredictionFields | OutcomeFields | MeasureFields | KeyFields


def encode_key(key: KeyRecord, recorded: int) -> bytes:
    """The body of a subject's key."""
    return _dumps((_KEY, recorded, *key))


def parse(body: bytes) -> Fields:
    """A body's fields. Raises ValueError or TypeError where it is no record that this version knows."""
    if body[:1] == MARK:
        return parse_prediction(body)
    kind, *fields = orjson.loads(body)
    # An answer of one number, and an outcome that is one, end before what only others have.
    if kind == _OUTCOME:
        return OutcomeFields(*fields)
    if kind == _MEASURE:
        return MeasureFields(*fields)
    if kind == _KEY:
        return KeyFields(*fields)
    if kind != _PREDICTION:
        raise ValueError("the body is no record that this version knows")
    recorded, id_, model, version, arm, epoch, entity, at, latency, inputs, output, raised, unseen, *more = fields
    (answer,) = more or (None,)
    first = (recorded, id_, model, version, arm, epoch, entity, at, latency)
    return PredictionFields(*first, _text(inputs), output, raised, _text(unseen), None if answer is None else _text(answer))


def parse_prediction(body: bytes) -> PredictionFields:
    """The same of one that begins with `MARK`."""
    try:
        _, head, told = _PARTS.unpack_from(body)
    except struct.error as fault:
        raise ValueError("the body ends within its head") from fault
    # What is done with every record is done here: each call less is felt.
    first = _PARTS.size + head
    last = first + told
    recorded, id_, model, version, arm, epoch, entity, at, latency, output, error, unseen = orjson.loads(body[_PARTS.size : first])
    if not told or len(body) < last or body[first] != _OPENS or body[last - 1] != _CLOSES:
        raise ValueError("the body ends within its inputs")
    inputs = str(body[first:last], "utf-8")
    answer = str(body[last:], "utf-8") if len(body) > last else None
    missing = _text(unseen) if unseen else "[]"
    # Made of a tuple, which is faster than by its names.
    made = (recorded, id_, model, version, arm, epoch, entity, at, latency, inputs, output, error, missing, answer)
    return tuple.__new__(PredictionFields, made)


def _text(value: object) -> str:
    return orjson.dumps(value).decode()


def told(fields: Fields) -> dict[str, object]:
    """By name, for orjson: what is JSON already stands as it is."""
    named = fields._asdict()
    for name in _JSON & named.keys():
        if isinstance(named[name], str):
            named[name] = orjson.Fragment(named[name])
    return named


_JSON = {"inputs", "unseen", "answer"}


def decode(body: bytes) -> Entry:
    """A body as the record that it was made of. Raises ValueError or TypeError where it is none, or a subject's key."""
    match parse(body):
        case KeyFields():
            raise ValueError("the body is a subject's key")
        case PredictionFields() as told:
            _, id_, model, version, arm, epoch, entity, at, latency, inputs, output, error, unseen, answer = told
            more = None if answer is None else orjson.loads(answer)
            seen = orjson.loads(inputs), output, error, tuple(orjson.loads(unseen)), more
            record: Record = PredictionRecord(*(id_, model, version, arm, epoch, entity, moment(at), latency), *seen)
        case OutcomeFields() as told:
            record = OutcomeRecord(told.model, told.entity, told.value, moment(told.known_at), told.label)
        case MeasureFields() as told:
            record = MeasureRecord(*told[1:6], moment(told.at), moment(told.known_at), "")
    return Entry(record, moment(told.recorded_at))


def _outcome(record: OutcomeRecord, recorded: int) -> tuple[Any, ...]:
    model, entity, value, known_at, label = record
    if not math.isfinite(value):
        raise ValueError(f"an outcome is a finite number, not {value}")
    told = (_OUTCOME, recorded, model, _name(entity), float(value), microseconds(known_at))
    return told if label is None else (*told, _name(label))


def _measure(record: MeasureRecord, recorded: int) -> tuple[Any, ...]:
    model, id_, unit, metric, value, at, known_at, _ = record
    if not math.isfinite(value):
        raise ValueError(f"a measure is a finite number, not {value}")
    return (_MEASURE, recorded, model, _name(id_), _name(unit), metric, float(value), microseconds(at), microseconds(known_at))


def microseconds(at: datetime) -> int:
    """A moment as microseconds since 1970; TypeError of one without a zone."""
    since = at - _EPOCH
    return (since.days * 86_400 + since.seconds) * 1_000_000 + since.microseconds


def _name(text: str) -> str:
    # PostgreSQL keeps no NUL in text.
    return text.replace("\0", "\ufffd") if "\0" in text else text


def written(text: str) -> str:
    """A name as a body has it."""
    return _SURROGATE.sub("\ufffd", _name(text))


def moment(since: int) -> datetime:
    """Microseconds since 1970 as a moment in UTC; OverflowError where no year has it."""
    return _EPOCH + timedelta(microseconds=since)


def _plain(value: Any) -> Any:  # noqa: ANN401 - any JSON, and more
    match value:
        case str():
            return _SURROGATE.sub("\ufffd", value)
        case bool() | None | float():
            return value
        case int():
            return value if value in _INT64 else str(value)
        case dict():
            return {_plain(str(key)): _plain(item) for key, item in value.items()}
        case list() | tuple():
            return [_plain(item) for item in value]
        case _:
            return _other(value)


def _other(value: Any) -> Any:  # noqa: ANN401 - numpy's numbers, or text
    try:
        return orjson.loads(orjson.dumps(value, option=_OPTIONS))
    except TypeError:
        return _plain(str(value))
