"""A version that is asked what was answered already: on a thread of its own, from a bounded queue, journalled beside the answer."""

from __future__ import annotations

import asyncio
import logging
import queue
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby
from time import perf_counter

from headrace.compiled import ShadowConfig
from headrace.journal import SHADOW, PredictionRecord, Spool
from headrace.journal.mirrored import mirrored_id
from headrace.serving.routed import Routed
from headrace.serving.snapshot import Answered, Served, Snapshot

LOG = logging.getLogger("headrace.serving")

AT_ONCE = 100
"""How many waiting rows are answered together."""
ENDED = 0.3
"""Seconds in which what the shadow is at may come to its end when the server stops."""


@dataclass(frozen=True, slots=True)
class Mirrored:
    """A row that was answered, and the version that is asked, too."""

    shadow: Served
    given: PredictionRecord


class Shadow(threading.Thread):
    """Asks the snapshot's shadow; what it cannot take or journal is dropped and counted, and never holds up an answer."""

    def __init__(self, config: ShadowConfig, spool: Spool, routed: Routed) -> None:
        """`spool` is of its own: the lock of the answers' is not waited for."""
        super().__init__(name="shadow", daemon=True)
        self._config = config
        self._spool = spool
        self._routed = routed
        self._waiting: queue.SimpleQueue[Mirrored | None] = queue.SimpleQueue()
        self._below = int(config.share * 2**32)
        self._ended = False
        self.answered = 0
        self.failed = 0
        self.dropped: dict[str, int] = {}

    def mirror(self, snapshot: Snapshot, given: PredictionRecord, loop: asyncio.AbstractEventLoop) -> None:
        """Let the shadow have its share of what was answered, once the event loop comes round: after the reply was sent.

        The share is drawn by the answer's id, whose end is random. What the shadow itself answered, being on trial, it is not asked again.
        """
        shadow = snapshot.shadow
        if shadow is None or shadow.number == given.version or int(given.id[-8:], 16) >= self._below:
            return
        loop.call_soon(self._put, Mirrored(shadow, given))

    def _put(self, item: Mirrored) -> None:
        if self._waiting.qsize() >= self._config.queue:
            self._drop("full")
        else:
            self._waiting.put(item)

    def run(self) -> None:
        """Answer what waits, until told to end."""
        while True:
            items = self._next()
            if self._ended:
                self._drop("ended", len(items))
                return
            for _, group in groupby(items, key=lambda item: id(item.shadow)):
                members = list(group)
                try:
                    self._answer(members)
                except Exception:
                    LOG.exception("the shadow failed")
                    self._drop("bug", len(members))

    def end(self) -> None:
        """Ask no more; what waits is dropped."""
        self._ended = True
        self._waiting.put(None)
        if self.is_alive():
            self.join(ENDED)
        self._spool.close()

    def told(self, shadow: Served | None) -> dict[str, object]:
        """As /metadata tells it."""
        return {
            "wanted": self._config.version,
            "version": None if shadow is None else shadow.number,
            "share": self._config.share,
            "waiting": self._waiting.qsize(),
            "answered": self.answered,
            "failed": self.failed,
            "dropped": dict(self.dropped),
        }

    def _next(self) -> list[Mirrored]:
        found = [self._waiting.get()]
        while len(found) < AT_ONCE and not self._waiting.empty():
            found.append(self._waiting.get())
        return [item for item in found if item is not None]

    def _answer(self, items: Sequence[Mirrored]) -> None:
        shadow = items[0].shadow
        if not shadow.circuit.allows():
            self._drop("open", len(items))
            return
        started = perf_counter()
        answers = shadow.answer_many([item.given.inputs for item in items])
        seconds = (perf_counter() - started) / len(items)
        for item, answered in zip(items, answers, strict=True):
            if answered.error is None:
                shadow.circuit.succeeded()
            else:
                shadow.circuit.failed(answered.error)
            self._journal(item, answered, seconds)

    def _journal(self, item: Mirrored, answered: Answered, seconds: float) -> None:
        given = item.given
        record = PredictionRecord(
            id=mirrored_id(given.id),
            model=given.model,
            version=item.shadow.number,
            arm=SHADOW,
            epoch=given.epoch,
            entity=given.entity,
            at=given.at,
            latency_us=int(seconds * 1e6),
            inputs=given.inputs,
            output=answered.output,
            error=answered.error,
            unseen=answered.unseen,
            answer=answered.answer,
        )
        try:
            self._spool.append(record)
        except OSError:
            self._drop("journal")
            return
        self.answered += 1
        self.failed += answered.error is not None
        both = answered.output is not None and given.output is not None
        self._routed.mirrored(
            item.shadow.number,
            failed=answered.error is not None,
            apart=abs(answered.output - given.output) if both and answered.answer is None else None,  # type: ignore[operator]
        )

    def _drop(self, reason: str, rows: int = 1) -> None:
        if rows:
            self.dropped[reason] = self.dropped.get(reason, 0) + rows
            self._routed.dropped(reason, rows)
