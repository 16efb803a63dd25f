"""What answers batches, inferences of the Open Inference Protocol and explanations: a body in any of its forms, rows, and an answer."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from time import perf_counter
from typing import TYPE_CHECKING, Any, TypeVar

import orjson
from starlette.types import Receive

from headrace.serving.answer import Reply
from headrace.serving.apart import LARGE
from headrace.serving.bodies.arrow import Streams
from headrace.serving.bodies.arrow import answer as stream
from headrace.serving.bodies.columns import BODY, Columns, Reader
from headrace.serving.bodies.records import DEPTH, Records
from headrace.serving.bodies.tensors import Tensors
from headrace.serving.bodies.tensors import answer as tensors
from headrace.serving.body import ARROW, header, is_arrow, read, read_any, shallow
from headrace.serving.bulk import LEAST, Told
from headrace.serving.explain import explain
from headrace.serving.ids import fresh_ids
from headrace.serving.moment import HEADER
from headrace.serving.online import Filled, Freshness
from headrace.serving.plane import Media
from headrace.serving.problem import Refused
from headrace.serving.schema import Row
from headrace.serving.snapshot import Snapshot

if TYPE_CHECKING:
    from headrace.serving.server import Server

T = TypeVar("T")
_HEADER = HEADER.lower().encode()
_SMALL = 2048
"""Bytes of a body that cannot hold many rows: it is read row by row at once."""
_COLUMNS = re.compile(rb'\s*\{\s*"columns"\s*:')


@dataclass(frozen=True, slots=True)
class _Request:
    """When a request came, as it says and by this process's clock, and who answers it."""

    at: datetime
    started: float
    snapshot: Snapshot


class Bodies:
    """Answers what comes in other forms than one record; used by the event loop alone."""

    def __init__(self, server: Server) -> None:
        self._server = server
        self._reader = Reader(server.config, server.schema, server.online.inputs)
        self._records = Records(server.config, tuple(server.online.inputs), server.apart.breathe)
        self._streams = Streams(server.config, self._reader)
        self._tensors = Tensors(server.config, self._reader)

    async def batch(self, scope: Mapping[str, Any], receive: Receive) -> bytes | Media:
        """POST /predict/batch: records, columns or an Arrow stream; answered as JSON, or as it was asked."""
        server = self._server
        body = await read_any(scope, receive, server.load, arrow=True)
        started = perf_counter()
        kind = header(scope, b"content-type")
        if kind is not None and is_arrow(kind):
            columns = await self._parsed(body, kind, self._streams.read)
            told, replies, _ = await self._columns(await self._request(scope, started), columns)
            whole = told if told is not None else Told.of(server.config.task, columns.entities, replies)
            return Media(await self._told(body, partial(stream, whole, server.config.entity)), ARROW)
        if _COLUMNS.match(body):
            columns = await self._parsed(body, kind, self._reader.json)
            told, replies, fresh = await self._columns(await self._request(scope, started), columns)
        else:
            read_ = await self._beside(body, partial(self._read, body, kind))
            told, replies, fresh = await self._several(await self._request(scope, started), read_)
        model = server.config.model
        if told is not None:
            return await self._told(body, partial(told.json, model))
        return orjson.dumps({"predictions": [one.body(model) | _fresh(age) for one, age in zip(replies, fresh, strict=True)]})

    def _read(self, body: bytes, kind: str | None) -> Columns | list[Row]:
        """Records by column where there are enough of them and nothing about them is unusual, else as rows."""
        limits = self._server.load.limits
        # What is read by column is no deeper than records are.
        columns = self._records.read(body) if len(body) > _SMALL and limits.depth >= DEPTH else None
        if columns is not None:
            return columns
        rows = self._server.schema.read_rows(shallow(body, kind, limits))
        return self._reader.of(rows) if len(rows) >= LEAST and not self._server.online.views else rows

    async def _several(self, request: _Request, given: Columns | list[Row]) -> tuple[Told | None, list[Reply], list[Freshness]]:
        """Records, answered by column, or, where that cannot be, row by row."""
        told = await self._bulk(request, given) if isinstance(given, Columns) else None
        if told is not None:
            return told, [], []
        return None, *await self._rows(request, given.rows() if isinstance(given, Columns) else given, "rows[{}].")

    async def infer(self, scope: Mapping[str, Any], receive: Receive, version: str | None = None) -> bytes:
        """POST /v2/models/NAME/infer: as many rows as the tensors have, each journalled and counted as any other."""
        server = self._server
        body = await read_any(scope, receive, server.load)
        started = perf_counter()
        asked = await self._parsed(body, header(scope, b"content-type"), lambda told: self._tensors.read(told, fresh_ids))
        request = await self._request(scope, started)
        if version is not None:
            self._only(request.snapshot, version)
        told, replies, _ = await self._columns(request, asked.columns)
        whole = told if told is not None else Told.of(server.config.task, asked.columns.entities, replies)
        return await self._told(body, partial(tensors, server.config.model, asked, whole))

    def _only(self, snapshot: Snapshot, version: str) -> None:
        """Refused where a version would not answer every row: arms are assigned, and nobody chooses one."""
        numbers = {str(number): arm for arm, number in snapshot.versions.items()}
        if version not in numbers:
            known = ", ".join(sorted(numbers))
            raise Refused(404, "no-such-version", f"version {version} is not loaded: {known} answer")
        if {arm for arm, weight in snapshot.weights if weight > 0.0} - {numbers[version]}:
            raise Refused(409, "arms-assigned", f"version {version} answers a share alone, by who is asked about: ask without a version")

    async def explain(self, scope: Mapping[str, Any], receive: Receive) -> bytes:
        """POST /explain: why the champion says what it says of one record; nothing is predicted, so nothing is journalled."""
        server = self._server
        body = await read(scope, receive, server.load)
        row = server.schema.read_row(body)
        at = await server.moments.of(header(scope, _HEADER))
        champion = server.ready_snapshot().champion
        if champion is None:
            raise AssertionError(server.config.model)
        async with self._server.load.within():
            (filled,) = await server.online.fill([row], at)
            told = await asyncio.to_thread(explain, champion, filled.row, scope.get("root_path", ""))
        return orjson.dumps({"model": server.config.model, **told})

    async def _request(self, scope: Mapping[str, Any], started: float) -> _Request:
        server = self._server
        return _Request(await server.moments.of(header(scope, _HEADER)), started, server.ready_snapshot())

    async def _parsed(self, body: bytes, kind: str | None, parse: Callable[[bytes], T]) -> T:
        """What is made of a body that is no deeper than it may be; beside the event loop where the body is large."""
        limits = self._server.load.limits
        return await self._beside(body, lambda: parse(shallow(body, kind, limits)))

    async def _beside(self, body: bytes, work: Callable[[], T]) -> T:
        return work() if len(body) < LARGE else await self._server.apart(work)

    async def _told(self, body: bytes, write: Callable[[], bytes]) -> bytes:
        """An answer as it is sent; beside the event loop where the body was large."""
        return write() if len(body) < LARGE else await self._server.apart.however_long(write)

    async def _columns(self, request: _Request, columns: Columns) -> tuple[Told | None, list[Reply], list[Freshness]]:
        """Answered by column, or, where that cannot be, row by row."""
        told = await self._bulk(request, columns)
        return (told, [], []) if told is not None else (None, *await self._rows(request, columns.rows(), f"{BODY}."))

    async def _bulk(self, request: _Request, columns: Columns) -> Told | None:
        return await self._server.bulk.answer(request.snapshot, columns, request.at, request.started)

    async def _rows(self, request: _Request, rows: Sequence[Row], path: str) -> tuple[list[Reply], list[Freshness]]:
        server = self._server
        async with self._server.load.within():
            filled: list[Filled] = await server.online.fill(rows, request.at, path)
            replies = await server.answering.many(request.snapshot, [item.row for item in filled], request.at, request.started)
        return replies, [item.freshness for item in filled]


def _fresh(freshness: Freshness) -> dict[str, object]:
    return {"freshness": freshness} if freshness else {}


def no_such_model(name: str, model: str) -> Refused:
    """A model that is not this server's."""
    return Refused(404, "no-such-model", f"there is no model {name!r} here: this server answers for {model}")
