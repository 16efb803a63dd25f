"""Many predictions of one moment as one body of the spool, by column: what is journalled of a large batch, at the speed of memory."""

from __future__ import annotations

import errno
import struct
from array import array
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import orjson

from headrace.journal.records import PredictionFields
from headrace.journal.segment import MAX_BODY

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

MARK = b"\x03"
"""What a block begins with; any other body is JSON, and begins with `[`."""
_LENGTH = struct.Struct("<I")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


@dataclass(frozen=True, slots=True)
class PredictionBlock:
    """n answers, none of them an error, as `PredictionRecord` has one each.

    Inputs are float64, (n,), with NaN for none, or texts and None. `outputs` is (n,), `answers` (n, c) by `keys`, where there is more.
    """

    model: str
    epoch: int
    at: datetime
    latency_us: int
    ids: Sequence[str]
    entities: Sequence[str]
    arms: tuple[tuple[str, int], ...]
    """Who answered: arms and their versions."""
    answered: Sequence[int]
    """Of each row the position in `arms`."""
    inputs: Mapping[str, NDArray[np.float64] | Sequence[str | None]]
    outputs: NDArray[np.float64]
    keys: tuple[str, ...] = ()
    answers: NDArray[np.float64] | None = None
    unseen: Mapping[int, tuple[str, ...]] = field(default_factory=dict)
    """By row, where there is any."""

    def __len__(self) -> int:
        return len(self.ids)


def encode_block(block: PredictionBlock, recorded: int) -> list[bytes]:
    """Bodies of at most `MAX_BODY` bytes, in the order of the rows, spooled at so many microseconds since 1970.

    OSError where one row alone is longer.
    """
    import numpy as np

    numbers = sum(isinstance(values, np.ndarray) for values in block.inputs.values()) + 1 + len(block.keys)
    step = max(1, MAX_BODY // (8 * numbers + 100 + 20 * (len(block.inputs) - numbers + 1 + len(block.keys))))
    return list(_bodies(block, recorded, 0, len(block), step))


def _bodies(block: PredictionBlock, recorded: int, start: int, end: int, step: int) -> Iterator[bytes]:
    while start < end:
        stop = min(start + step, end)
        body = _body(block, recorded, start, stop)
        if len(body) <= MAX_BODY:
            yield body
        elif stop - start == 1:
            raise OSError(errno.EMSGSIZE, f"a record of {len(body)} bytes is longer than the {MAX_BODY} that the spool takes")
        else:
            yield from _bodies(block, recorded, start, stop, (stop - start + 1) // 2)
        start = stop


def _body(block: PredictionBlock, recorded: int, start: int, stop: int) -> bytes:
    import numpy as np

    part = slice(start, stop)
    numbers = [name for name, values in block.inputs.items() if isinstance(values, np.ndarray)]
    texts = {name: values[part] for name, values in block.inputs.items() if not isinstance(values, np.ndarray)}
    head = orjson.dumps(
        {
            "recorded": recorded,
            "model": block.model,
            "epoch": block.epoch,
            "at": (block.at - _EPOCH) // _MICROSECOND,
            "latency": block.latency_us,
            "ids": block.ids[part],
            "entities": block.entities[part],
            "arms": block.arms,
            "answered": list(block.answered[part]),
            "order": list(block.inputs),
            "numbers": numbers,
            "texts": texts,
            "keys": block.keys,
            "unseen": [[at - start, names] for at, names in block.unseen.items() if start <= at < stop],
        }
    )
    columns = [block.inputs[name][part] for name in numbers] + [block.outputs[part]]
    if block.answers is not None:
        columns += [block.answers[part, at] for at in range(len(block.keys))]
    return b"".join([MARK, _LENGTH.pack(len(head)), head, *(np.ascontiguousarray(values, dtype="<f8").tobytes() for values in columns)])


def decode_block(body: bytes) -> list[PredictionFields]:
    """The predictions of a body that `encode_block` gave; ValueError where it is none."""
    try:
        (length,) = _LENGTH.unpack_from(body, len(MARK))
        begin = len(MARK) + _LENGTH.size
        head = orjson.loads(body[begin : begin + length])
        size, keys, numbers = len(head["ids"]), head["keys"], head["numbers"]
        floats = array("d")
        floats.frombytes(body[begin + length :])
        if len(floats) != size * (len(numbers) + 1 + len(keys)):
            raise ValueError("the block has not as many numbers as its rows need")
        columns = [floats[at * size : (at + 1) * size] for at in range(len(numbers) + 1 + len(keys))]
        inputs: dict[str, Any] = dict(zip(numbers, columns, strict=False)) | head["texts"]
        return _fields(head, [inputs[name] for name in head["order"]], columns[len(numbers)], columns[len(numbers) + 1 :])
    except (struct.error, AttributeError, LookupError, OverflowError, TypeError) as error:
        raise ValueError("the body is no block that this version knows") from error


def _fields(
    head: Mapping[str, Any], inputs: Sequence[Any], outputs: array[float], answers: Sequence[array[float]]
) -> list[PredictionFields]:
    unseen = {row: _json(names) for row, names in head["unseen"]}
    order, keys, size = head["order"], head["keys"], len(head["ids"])
    recorded, model, epoch, at, latency = (head[name] for name in ("recorded", "model", "epoch", "at", "latency"))
    # NaN is null.
    told = [_json(dict(zip(order, values, strict=True))) for values in zip(*inputs, strict=True)] if inputs else ["{}"] * size
    more = [_json(dict(zip(keys, values, strict=True))) for values in zip(*answers, strict=True)] if keys else [None] * size
    found = []
    for row, (id_, entity, arm, seen, output, answer) in enumerate(
        zip(head["ids"], head["entities"], head["answered"], told, outputs, more, strict=True)
    ):
        name, version = head["arms"][arm]
        # Made of a tuple, which is faster than by its names.
        made = (recorded, id_, model, version, name, epoch, entity, at, latency, seen, output, None, unseen.get(row, "[]"), answer)
        found.append(tuple.__new__(PredictionFields, made))
    return found


def _json(value: object) -> str:
    return orjson.dumps(value).decode()
