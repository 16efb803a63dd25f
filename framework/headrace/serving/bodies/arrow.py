"""Arrow streams: a request's record batches become columns without a copy where that can be, and answers become one record batch."""

from __future__ import annotations

import struct
from collections import Counter
from typing import TYPE_CHECKING, Any

from headrace.compiled import ServingConfig
from headrace.serving.bodies.columns import BODY, Columns, Reader
from headrace.serving.bulk import Told
from headrace.serving.problem import Refused
from headrace.serving.schema import refused_fields

if TYPE_CHECKING:
    import pyarrow as pa

_UNREADABLE = "is no Arrow stream that can be read"


class Streams:
    """Reads the streams of one model."""

    def __init__(self, config: ServingConfig, reader: Reader) -> None:
        self._reader = reader
        self._most = config.max_rows
        self._numbers = {item.name for item in config.inputs if item.type == "number"}

    def read(self, body: bytes) -> Columns:
        """A stream's columns; Refused (422, naming each field) where they do not fit. A NaN stands for what is not known, as null does."""
        import pyarrow as pa

        try:
            return self._read(self._batches(body))
        except (pa.ArrowException, UnicodeDecodeError):
            raise refused_fields({"": _UNREADABLE}) from None

    def _read(self, table: pa.Table) -> Columns:
        names = table.column_names
        if doubled := [name for name, times in Counter(names).items() if times > 1]:
            raise refused_fields({f"{BODY}.{name}": "is sent twice" for name in doubled})
        given = {name: self._column(name, table.column(name)) for name in names}
        return self._reader.read(given, _in_table)

    def _batches(self, body: bytes) -> pa.Table:
        """The stream's batches as one table, no more rows of it than may be."""
        import pyarrow as pa

        batches, rows = [], 0
        try:
            if any(compressed(message.metadata.to_pybytes()) for message in pa.ipc.MessageReader.open_stream(pa.py_buffer(body))):
                raise refused_fields({"": "is compressed, and how large it is would be known too late: send it as it is"})
            with pa.ipc.open_stream(pa.py_buffer(body)) as stream:
                schema = stream.schema
                for batch in stream:
                    # What is lent to a reader is as a stranger wrote it: nothing of it is followed before it was looked at.
                    batch.validate(full=True)
                    rows += batch.num_rows
                    if rows > self._most:
                        raise refused_fields({"": f"must have at most {self._most} rows"})
                    batches.append(batch)
        except (pa.ArrowException, ValueError, OSError, EOFError, MemoryError):
            raise refused_fields({"": _UNREADABLE}) from None
        if not rows:
            raise refused_fields({"": "must not be empty"})
        return pa.Table.from_batches(batches, schema)

    def _column(self, name: str, values: pa.ChunkedArray) -> Any:  # noqa: ANN401 - float64, or a list
        import numpy as np
        import pyarrow as pa

        kind = values.type
        if name in self._numbers and (pa.types.is_floating(kind) or pa.types.is_integer(kind)):
            # What has nulls, or is of another width, is copied once; all else is read where it lies.
            whole = values.combine_chunks() if values.num_chunks != 1 else values.chunk(0)
            return np.asarray(whole.to_numpy(zero_copy_only=False), dtype=np.float64)
        if pa.types.is_dictionary(kind):
            if not pa.types.is_string(kind.value_type):
                raise _strange(name, kind)
            # Each text is made once, however often it is pointed at.
            return [text for chunk in values.chunks for text in _looked_up(chunk)]
        plain = pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_integer(kind) or pa.types.is_floating(kind)
        if not plain and not pa.types.is_null(kind):
            raise _strange(name, kind)
        listed: list[Any] = values.to_pylist()
        return listed


def _looked_up(values: pa.DictionaryArray) -> list[str | None]:
    texts = values.dictionary.to_pylist()
    return [None if at is None else texts[at] for at in values.indices.to_pylist()]


def _strange(name: str, kind: pa.DataType) -> Refused:
    return refused_fields({f"{BODY}.{name}": f"must be a column of numbers or texts, and not of {kind}"[:200]})


def compressed(metadata: bytes) -> bool:
    """Whether a message's buffers are compressed; ValueError where the message is none.

    Read from the flatbuffer itself: a library would have unpacked it by the time it tells. Source: Arrow's Message.fbs.
    """
    try:
        kind, message = _field(metadata, _table(metadata, 0), 1), _field(metadata, _table(metadata, 0), 2)
        if kind is None or message is None or metadata[kind] not in (_DICTIONARY_BATCH, _RECORD_BATCH):
            return False
        batch = _table(metadata, message)
        if metadata[kind] == _DICTIONARY_BATCH:
            held = _field(metadata, batch, 1)
            if held is None:
                return False
            batch = _table(metadata, held)
        return _field(metadata, batch, 3) is not None
    except (struct.error, IndexError) as error:
        raise ValueError("the message is no flatbuffer") from error


_DICTIONARY_BATCH, _RECORD_BATCH = 2, 3


def _table(data: bytes, at: int) -> int:
    """Where the table is that an offset at a place points at."""
    offset: int = struct.unpack_from("<I", data, at)[0]
    return at + offset


def _field(data: bytes, table: int, number: int) -> int | None:
    """Where a table's field is; None where it is not set."""
    listed = table - struct.unpack_from("<i", data, table)[0]
    if listed < 0:
        raise IndexError(listed)
    size = struct.unpack_from("<H", data, listed)[0]
    place = 4 + 2 * number
    if place + 2 > size:
        return None
    offset: int = struct.unpack_from("<H", data, listed + place)[0]
    return table + offset if offset else None


def _in_table(name: str, at: int | None) -> str:
    return f"{BODY}.{name}" if at is None else f"{BODY}.{name}[{at}]"


def answer(told: Told, entity: str) -> bytes:
    """The answers as a stream of one record batch: prediction, id, version, arm, unseen, and the entity by its own name."""
    import pyarrow as pa

    size = len(told)
    columns: dict[str, pa.Array] = {"id": pa.array(told.ids, pa.string())}
    if entity not in columns:
        columns[entity] = pa.array(told.entities, pa.string())
    if told.task == "multiclass":
        columns["prediction"] = pa.array(told.labels, pa.string())
        columns["probabilities"] = _several(told)
    elif told.keys:
        columns["prediction"] = _several(told)
    else:
        columns["prediction"] = pa.array(told.outputs, pa.float64(), from_pandas=True)
    if told.ranks is not None:
        columns["rank"] = pa.array(told.ranks, pa.int64())
    columns["version"] = pa.array(told.versions, pa.int64())
    columns["arm"] = pa.array(told.arms, pa.string()).dictionary_encode()
    columns["unseen"] = pa.array([told.unseen.get(row, ()) for row in range(size)], pa.list_(pa.string()))
    columns["error"] = pa.array([told.errors.get(row) for row in range(size)], pa.string())
    batch = pa.record_batch(list(columns.values()), list(columns))
    out = pa.BufferOutputStream()
    with pa.ipc.new_stream(out, batch.schema) as stream:
        stream.write_batch(batch)
    written: bytes = out.getvalue().to_pybytes()
    return written


def _several(told: Told) -> pa.Array:
    import pyarrow as pa

    matrix = told.answers
    if matrix is None:
        raise AssertionError(told.task)
    return pa.StructArray.from_arrays(
        [pa.array(matrix[:, at], pa.float64(), from_pandas=True) for at in range(len(told.keys))], list(told.keys)
    )
