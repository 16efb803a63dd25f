"""What one turn of the event loop answers: its predictions are journalled by one write, and told afterwards."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from http import HTTPStatus
from time import perf_counter
from typing import Protocol

from headrace.serving.answer import Answering, Prepared
from headrace.serving.measures import Measures
from headrace.serving.overload import Load
from headrace.serving.problem import Refused
from headrace.serving.snapshot import Snapshot

MOST = 64
"""Answers of one turn: when there are so many, they are journalled and told before more are computed."""


class Waiting(Protocol):
    """A connection that asked."""

    def tell(self, lines: bytes, said: bytes | Refused) -> None:
        """Give it its answer, with the headers of every answer as they were when it was asked."""

    def fail(self, lines: bytes, error: Exception) -> None:
        """Tell it of a fault of the server itself."""


class Turn:
    """The answers of one server to requests that were read in one turn; used by the event loop alone.

    Each is told only when its record is in the spool. At the end of a turn all sockets that had something to say were read, and what is
    written is sent: so nobody waits longer for being told together with others.
    """

    def __init__(self, answering: Answering, measures: Measures, load: Load, method: str, path: str) -> None:
        self._answering = answering
        self._measures = measures
        self._load = load
        self._method, self._path = method, path
        self._answers: list[Prepared] = []
        self._waiting: list[tuple[Waiting, bytes]] = []
        self._snapshot = Snapshot()
        self._due = False

    def add(self, snapshot: Snapshot, answer: Prepared) -> None:
        """An answer that the snapshot gave; whoever asked must `wait` before anything else is added."""
        if snapshot is not self._snapshot:
            self.end()
            self._snapshot = snapshot
        self._answers.append(answer)

    def wait(self, connection: Waiting, lines: bytes) -> None:
        """The answer that was added last is this connection's, which is told it soon."""
        self._waiting.append((connection, lines))
        if len(self._waiting) >= MOST:
            self.end()
        elif not self._due:
            self._due = True
            asyncio.get_running_loop().call_soon(self._end)

    def end(self) -> None:
        """Journal what was added, count it, and tell it."""
        answers, waiting = self._answers, self._waiting
        if not waiting:
            return
        self._answers, self._waiting = [], []
        try:
            faults = self._answering.journalled(self._snapshot, answers)
        except Exception as error:  # noqa: BLE001 - whatever it is, each connection tells it, and logs it
            self._respond(HTTPStatus.INTERNAL_SERVER_ERROR, answers)
            for connection, lines in waiting:
                connection.fail(lines, error)
            return
        if faults:
            self._some(answers, waiting, faults)
            return
        self._respond(HTTPStatus.OK, answers)
        self._load.told += len(answers)
        for (connection, lines), answer in zip(waiting, answers, strict=True):
            connection.tell(lines, answer.body)

    def _end(self) -> None:
        self._due = False
        self.end()

    def _some(self, answers: list[Prepared], waiting: list[tuple[Waiting, bytes]], faults: Mapping[int, Refused]) -> None:
        """Tell the answers of which some may not be given."""
        for at, ((connection, lines), answer) in enumerate(zip(waiting, answers, strict=True)):
            refused = faults.get(at)
            if refused is not None:
                self._measures.refused(refused.status)
            self._respond(HTTPStatus.OK if refused is None else refused.status, [answer])
            connection.tell(lines, answer.body if refused is None else refused)

    def _respond(self, status: int, answers: list[Prepared]) -> None:
        done = perf_counter()
        self._measures.responded_each(self._method, self._path, status, [done - answer.started for answer in answers])
