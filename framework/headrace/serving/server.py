"""All parts of one model's server, started, stopped and probed together."""

from __future__ import annotations

import asyncio
import logging
import os
import socket
import threading
import time
from collections.abc import Callable, Mapping
from concurrent.futures import Future
from contextlib import suppress
from typing import Any, TypeVar
from uuid import uuid4

from headrace import registry, traffic
from headrace.compiled import ServingConfig
from headrace.journal import Spool, unshipped
from headrace.journal.spool import MAX_BYTES
from headrace.serving.answer import Answering
from headrace.serving.bulk import Bulk
from headrace.serving.follow import EVERY, STORE_FAULTS, Current, Follower, Refusal
from headrace.serving.judge import Judge, Reporter, watch
from headrace.serving.measures import Measures
from headrace.serving.moment import Moments
from headrace.serving.online import Online
from headrace.serving.overload import Load
from headrace.serving.problem import Refused
from headrace.serving.schema import Schema
from headrace.serving.snapshot import Snapshot
from headrace.serving.workspace import Workspace

LOG = logging.getLogger("headrace.serving")

SILENCE = 60.0
"""Seconds without a look at the store after which the process is no longer live."""
PATIENCE = 1.0
"""Seconds that a probe, or the last flush, waits for the store."""

T = TypeVar("T")


class Server:
    """One model's server; everything but `start` and `stop` may be called between the two."""

    def __init__(self, config: ServingConfig, workspace: Workspace) -> None:
        self.config = config
        self.online = Online(config, workspace)
        self.schema = Schema(config, self.online.inputs)
        self.measures = Measures(config.model)
        self.load = Load(config.limits)
        self.moments = Moments(workspace.store, production=workspace.production)
        self._workspace = workspace
        self._current = Current()
        self._worker = f"{socket.gethostname()}-{os.getpid()}-{uuid4().hex[:8]}"
        rules = watch(config)
        self.counter = traffic.Counter(self._worker, model=config.model, warmup_requests=rules.warmup_requests if rules else 0)
        self.judge = Judge(rules, self.counter, self._current, config.model)
        self._reporter = Reporter(workspace, self.judge, self._current, counter=self.counter, moments=self.moments, measures=self.measures)
        self._follower = Follower(
            workspace, config.model, self._current, moments=self.moments, measures=self.measures, swapped=self._reporter.swapped
        )
        self._spool = Spool.open(workspace.spool)
        self.answering = Answering(
            config.model,
            fallback=config.fallback == "champion",
            spool=self._spool,
            counter=self.counter,
            rules=rules.rules if rules else (),
            measures=self.measures,
        )
        self.bulk = Bulk(config.model, spool=self._spool, counter=self.counter, rules=rules.rules if rules else (), measures=self.measures)
        self._judging: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Read the store once, so that the first request finds a champion, and follow it from then on."""
        try:
            await asyncio.to_thread(self._follower.look)
        except STORE_FAULTS as error:
            LOG.warning("nothing is loaded yet: %s", error)
        self._follower.start()
        self._reporter.start()
        self._judging = asyncio.create_task(self._judge())

    async def stop(self) -> None:
        """Stop following, flush what was counted as far as the store takes it within a second, and end the spool."""
        if self._judging is not None:
            self._judging.cancel()
        self._follower.end()
        self._reporter.end()
        self._spool.close()
        await self.online.close()
        with suppress(TimeoutError):
            await self._within(self._reporter.join)
        if self.counter.unflushed:
            LOG.warning("%d counted requests did not reach the store", self.counter.unflushed)

    @property
    def snapshot(self) -> Snapshot:
        """What answers right now, if anything."""
        return self._current.snapshot

    @property
    def refused(self) -> Mapping[int, Refusal]:
        """The versions that should answer and may not be loaded, by number."""
        return self._follower.refused

    def reload(self) -> None:
        """Verify and load anew what the store says now; in a thread of its own, since it takes its time. Raises `STORE_FAULTS`."""
        self._follower.reload()

    def ready_snapshot(self) -> Snapshot:
        """What answers; Refused (503) where no champion is loaded."""
        snapshot = self._current.snapshot
        if snapshot.champion is None:
            refused = "; ".join(f"version {number}: {refusal.message}" for number, refusal in self._follower.refused.items())
            why = f"no champion that can be loaded ({refused})" if refused else "no champion yet: train one, and let it pass its gates"
            raise Refused(503, "no-champion", f"model/{self.config.model} has {why}")
        return snapshot

    def dead(self) -> str | None:
        """Why the process should be started again; None where it is well."""
        for thread in (self._follower, self._reporter):
            silence = time.monotonic() - thread.heartbeat
            if not thread.is_alive():
                return f"the thread {thread.name} has ended"
            if silence > SILENCE:
                return f"the thread {thread.name} has been stuck for {silence:.0f} s"
        return None

    async def checks(self) -> dict[str, str | None]:
        """What answering needs, each probed now: None where it is well, the reason where not."""
        champion = None if self._current.snapshot.champion is not None else "none is loaded"
        store, spool = await asyncio.gather(self._probe(self._ask_store), self._probe(self._try_spool))
        online = {"online": await self.online.check()} if self.online.views else {}
        return {"champion": champion, "store": store, "spool": spool, **online}

    async def unshipped(self) -> int | None:
        """Bytes of the spool that are not in the store yet; None where the store does not say."""
        try:
            return await self._within(lambda: unshipped(self._workspace.store, self._workspace.spool))
        except (*STORE_FAULTS, TimeoutError):
            return None

    async def metadata(self) -> dict[str, Any]:
        """What answers, and how far the store has heard of it."""
        snapshot = self._current.snapshot
        return {
            "model": self.config.model,
            "project": self.config.project,
            "worker": self._worker,
            "versions": snapshot.versions,
            "epoch": self._follower.epoch,
            "counted_epoch": snapshot.epoch,
            "weights": dict(snapshot.weights),
            "entity": self.config.entity,
            "inputs": [item.model_dump(exclude={"column", "view"}) for item in self.config.inputs],
            "unflushed": self.counter.unflushed,
            "unshipped": await self.unshipped(),
            "barred": self._current.barred,
            "refused": [
                {"version": number, "id": refusal.id, "message": refusal.message}
                for number, refusal in sorted(self._follower.refused.items())
            ],
        }

    async def _judge(self) -> None:
        while True:
            await asyncio.sleep(EVERY)
            try:
                self.judge.look()
            except Exception:  # a bug here must not end the judging for ever
                self.measures.failed("judge")
                LOG.exception("the judge failed")

    def _ask_store(self) -> None:
        with self._workspace.store.read() as session:
            registry.aliases(session, self.config.model)

    def _try_spool(self) -> None:
        probe = self._workspace.spool / f".probe-{self._worker}"
        probe.write_bytes(b".")
        probe.unlink()
        if self._spool.bytes >= MAX_BYTES:
            raise OSError("it is full: is the shipper running?")

    async def _probe(self, ask: Callable[[], None]) -> str | None:
        try:
            await self._within(ask)
        except TimeoutError:
            return f"no answer within {PATIENCE:g} s"
        except STORE_FAULTS as error:
            return str(error)
        return None

    async def _within(self, work: Callable[[], T]) -> T:
        """Run it in a thread of its own and wait at most `PATIENCE`; one that hangs is left behind and holds up nobody."""
        done: Future[T] = Future()

        def run() -> None:
            try:
                done.set_result(work())
            except BaseException as error:  # noqa: BLE001 - handed to whoever waits
                done.set_exception(error)

        threading.Thread(target=run, daemon=True).start()
        return await asyncio.wait_for(asyncio.wrap_future(done), PATIENCE)
