"""A request that is all there and has nothing uncommon, answered where it is read: without a scope, a cycle and a task of its own."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

from starlette.responses import Response
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol

from headrace.compiled import LimitsConfig
from headrace.serving.connections import Connection
from headrace.serving.head import Head, Now, told
from headrace.serving.measures import Measures
from headrace.serving.plane import bug
from headrace.serving.problem import Refused
from headrace.serving.turn import Turn

HEADS = 256
"""Heads that are remembered, whose requests need not be parsed: a client sends the same one again and again."""
LONGEST = 2048
"""Bytes of the longest that is."""
_END = b"\r\n\r\n"
_JSON = b"HTTP/1.1 200 OK\r\n%bcontent-length: %d\r\ncontent-type: application/json\r\n\r\n%b"
_Headers = list[tuple[bytes, bytes]]


def protocol(limits: LimitsConfig, measures: Measures, nows: Mapping[tuple[bytes, bytes], Now]) -> type[HttpToolsProtocol]:
    """The protocol of uvicorn, with these limits; `nows` answer by method and target as they stand in a request's first line."""
    return type("Direct", (Direct,), {"limits": limits, "measures": measures, "nows": nows, "heads": {}})


class Direct(Connection):
    """One connection.

    A request goes one of two ways, which is decided when it has been read and before anything came of it: it is answered at once, or
    handed to uvicorn's own methods as if the parser had called them. At most one is answered at once of what is read at once, so that a
    client that sends many holds up nobody.
    """

    nows: Mapping[tuple[bytes, bytes], Now]
    heads: dict[bytes, Head]
    """By their bytes, which the parser has read and whose request was answered: equal bytes mean the same."""
    plain = False
    """Whether uvicorn has nothing else to do with each request."""
    between = True
    """Whether nothing of a next request was parsed."""
    began = 0
    """How many requests began in what is being read."""
    awaiting: Head | None = None
    """The head of a request that may be answered at once, until its body is there."""
    body = b""
    answered: Head | None = None
    """The head of the request that was answered of what is being read."""
    idle: float | None = None
    """Since when nothing is asked, where the last answer was given at once."""
    turn: Turn | None = None
    """What is about to tell it its answer: before anything else comes of the connection, it does."""
    _lines: tuple[_Headers, int, bytes | None] = ([], -1, None)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """As a `Connection`."""
        super().connection_made(transport)
        self.plain = not self.access_log and self.limit_concurrency is None and not self.root_path

    def data_received(self, data: bytes) -> None:
        """Answer it where its head is known and it is one whole request; have it parsed where not."""
        if self.turn is not None:
            self.turn.end()
        fresh = self.between
        if fresh and not self.many:
            end = data.find(_END) + len(_END)
            head = self.heads.get(data[:end])
            if head is not None and len(data) - end == head.length and self._answer(head, data[end:]):
                self.begun, self.head = None, 0
                return
        self.idle, self.answered, self.began = None, None, 0
        super().data_received(data)
        self._read(data, fresh=fresh)

    def on_message_begin(self) -> None:
        """A request begins: uvicorn hears of it with its head."""
        self.begun, self.head = self.loop.time(), max(self.head, 1)
        self.between, self.began = False, self.began + 1
        self.url, self.headers, self.expect_100_continue = b"", [], False

    def on_headers_complete(self) -> None:
        """Its head is whole."""
        self.begun, self.head = None, 0
        self.awaiting = self._told()
        if self.awaiting is None:
            self._ordinary()

    def on_body(self, body: bytes) -> None:
        """Some of its body, or all of it."""
        if self.awaiting is not None and len(body) == self.awaiting.length:
            self.body = body
            return
        if self.awaiting is not None:
            self._ordinary()
        super().on_body(body)

    def on_message_complete(self) -> None:
        """It is all there."""
        self.between = not self.parser.should_upgrade()
        head, body = self.awaiting, self.body
        if head is None:
            super().on_message_complete()
        elif self._answer(head, body):
            self.awaiting, self.body, self.answered = None, b"", head
        else:
            self._ordinary()
            super().on_body(body)
            super().on_message_complete()

    def slow(self, now: float) -> None:
        """As a `Connection`; and where nothing is asked any more, uvicorn's timer, which no request pays for here."""
        if self.idle is not None and now - self.idle >= self.timeout_keep_alive:
            self.timeout_keep_alive_handler()
        else:
            super().slow(now)

    def _read(self, data: bytes, *, fresh: bool) -> None:
        """What was read has been parsed; `fresh` says that a request began with it."""
        if self.awaiting is not None:
            self._ordinary()  # the rest of its body is to come
        elif self.answered is not None and fresh and self.between and self.began == 1:
            self._remember(self.answered, data)

    def _told(self) -> Head | None:
        """The head that was parsed, where its request may be answered at once; None where it is uvicorn's."""
        now = self.nows.get((self.parser.get_method(), self.url))
        if now is None or self.answered is not None or self.expect_100_continue or self.parser.should_upgrade():
            return None
        return told(self.headers, now) if self.parser.get_http_version() == "1.1" and self.parser.should_keep_alive() else None

    def _ordinary(self) -> None:
        """Hand the request to uvicorn, as far as it is there."""
        if self.turn is not None:
            self.turn.end()
        url, headers, expects = self.url, self.headers, self.expect_100_continue
        self.awaiting, self.body = None, b""
        HttpToolsProtocol.on_message_begin(self)
        self.url, self.expect_100_continue = url, expects
        self.headers += headers  # the list that the scope has
        super().on_headers_complete()

    def _answer(self, head: Head, body: bytes) -> bool:
        """Whether a request was answered, by one write; where not, nothing came of it."""
        if not self.plain or self.flow.write_paused or self.transport.is_closing():
            return False
        if self.cycle is not None and not self.cycle.response_complete:
            return False  # another one is being answered
        lines = self._default_lines()
        if lines is None:
            return False
        try:
            said = head.now(head, body, self.client)
        except Exception as error:  # noqa: BLE001 - a fault of the server itself, whatever it is
            self.fail(lines, error)
            return True
        if said is None:
            return False
        # No timer may close the connection before it has its answer.
        self.idle = None
        if self.timeout_keep_alive_task is not None:
            self._unset_keepalive_if_required()
        if isinstance(said, Turn):
            self.turn = said
            said.wait(self, lines)
        else:
            self.tell(lines, said)
        return True

    def tell(self, lines: bytes, said: bytes | Refused) -> None:
        """Give an answer, by one write."""
        self.turn = None
        self.idle = self.loop.time()
        self.server_state.total_requests += 1
        if self.transport.is_closing():
            return
        if isinstance(said, bytes):
            self.transport.write(_JSON % (lines, len(said), said))
        else:
            self._write(lines, said.response())

    def fail(self, lines: bytes, error: Exception) -> None:
        """Say that the server failed, and close."""
        self.turn = None
        self.logger.error("Exception in ASGI application\n", exc_info=error)  # as uvicorn says it
        if not self.transport.is_closing():
            self._write(lines, bug())
            self.transport.close()

    def refuse(self, refused: Refused) -> None:
        """As a `Connection`, behind an answer that is about to be told."""
        if self.turn is not None:
            self.turn.end()
        super().refuse(refused)

    def shutdown(self) -> None:
        """Uvicorn's, behind an answer that is about to be told."""
        if self.turn is not None:
            self.turn.end()
        super().shutdown()

    def eof_received(self) -> None:
        """The client says no more, and may still read an answer that is about to be told."""
        if self.turn is not None:
            self.turn.end()
        super().eof_received()

    def _write(self, lines: bytes, answer: Response) -> None:
        own = b"".join(b"%b: %b\r\n" % pair for pair in answer.raw_headers)
        self.transport.write(b"%b%b%b\r\n%b" % (STATUS_LINE[answer.status_code], lines, own, bytes(answer.body)))

    def _default_lines(self) -> bytes | None:
        """The headers of every answer; None where one of them is about the connection: the server ends, or sends clients elsewhere."""
        headers = self.server_state.default_headers
        known, count, lines = self._lines
        if headers is not known or len(headers) != count:
            closes = any(name == b"connection" for name, _ in headers)
            lines = None if closes else b"".join(b"%b: %b\r\n" % pair for pair in headers)
            self._lines = (headers, len(headers), lines)
        return lines

    def _remember(self, head: Head, data: bytes) -> None:
        """Know the head again that this one request began with. The parser may take lines that end otherwise: those it goes on reading."""
        end = data.find(_END) + len(_END)
        begun = data[:end]
        if end > LONGEST or len(data) - end != head.length or begun.count(b"\n") != begun.count(b"\r\n"):
            return
        if len(self.heads) >= HEADS:
            self.heads.clear()
        self.heads[begun] = head
