"""All parts of one model's server, started, stopped and probed together."""

from __future__ import annotations

import asyncio
import logging
import os
import socket
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from typing import Any, TypeVar
from uuid import uuid4

from headrace import registry, traffic
from headrace.compiled import ServingConfig
from headrace.diagnostics import HeadraceError
from headrace.hooks import Input
from headrace.serving.answer import Answering
from headrace.serving.apart import Apart
from headrace.serving.breaker import Breaker, Pauses
from headrace.serving.bulk import Bulk
from headrace.serving.business import MeasuresSchema
from headrace.serving.cache import Cache
from headrace.serving.fleet import told
from headrace.serving.follow import EVERY, STORE_FAULTS, Current, Follower, Refusal
from headrace.serving.guard import Guard
from headrace.serving.journalled import Told, open_spool, spool_beside
from headrace.serving.judge import Judge, Reporter, watch
from headrace.serving.measures import Measures
from headrace.serving.moment import Moments
from headrace.serving.online import Online
from headrace.serving.overload import Load
from headrace.serving.problem import Refused
from headrace.serving.routed import Circuits, Routed
from headrace.serving.schema import Schema
from headrace.serving.shadow import Shadow
from headrace.serving.snapshot import Served, Snapshot
from headrace.serving.tracing import Tracing
from headrace.serving.turn import Turn
from headrace.serving.within import within
from headrace.serving.workspace import Workspace

LOG = logging.getLogger("headrace.serving")

SILENCE = 60.0
"""Seconds without a look at the store after which the process is no longer live."""
PATIENCE = 1.0
"""Seconds that a probe, or the last flush, waits for the store."""
SPARED = frozenset({"store"})
"""Checks without which predictions are answered all the same: champion and keys are in memory, and records wait in the spool."""
T = TypeVar("T")

STORE = Pauses(failures=1, first=EVERY, longest=1.0)
"""A store that failed once is asked by the thread that follows it, and by nobody else until it answers that one."""


class Server:
    """One model's server; everything but `start` and `stop` may be called between the two."""

    def __init__(self, config: ServingConfig, workspace: Workspace, *, exposed: bool = False) -> None:
        """`exposed` says that it listens beyond loopback."""
        self.config = config
        self.online = Online(config, workspace)
        self.schema = Schema(config, self.online.inputs)
        self.measured = MeasuresSchema(config) if config.measures else None
        self.measures = Measures(config.model)
        self.load = Load(config.limits)
        self.guard = Guard(config.access, workspace, config.model, self.measures, exposed=exposed)
        self.tracing = (
            None
            if config.access.tracing is None
            else Tracing(config.access.tracing, model=config.model, environment=workspace.environment, root=workspace.root)
        )
        self._circuit = Breaker("the store", STORE)
        self.moments = Moments(workspace.store, self._circuit, production=workspace.production)
        routed = Routed(self.measures.registry, config.model)
        self.measures.registry.register(Circuits(config.model, self.circuits))
        self._workspace = workspace
        self.current = Current()
        """Who answers; its snapshot is swapped whole."""
        self._cache = Cache(config.cache, routed) if config.cache is not None else None
        self._worker = f"{socket.gethostname()}-{os.getpid()}-{uuid4().hex[:8]}"
        rules = watch(config)
        self.counter = traffic.Counter(self._worker, model=config.model, warmup_requests=rules.warmup_requests if rules else 0)
        self.judge = Judge(rules, self.counter, self.current, config.model)
        self._reporter = Reporter(workspace, self.judge, self.current, counter=self.counter, moments=self.moments, measures=self.measures)
        self._follower = Follower(
            workspace,
            config.model,
            self.current,
            moments=self.moments,
            measures=self.measures,
            swapped=self._reporter.swapped,
            circuit=self._circuit,
            shadow=config.shadow.version if config.shadow is not None else None,
        )
        self._spool = open_spool(config, workspace)
        self._shadow = Shadow(config.shadow, spool_beside(self._spool, workspace), routed) if config.shadow is not None else None
        self._journal = Told(config, workspace, self._spool)
        self.measures.registry.register(self._journal)
        self.answering = Answering(
            config.model,
            fallback=config.fallback == "champion",
            spool=self._spool,
            counter=self.counter,
            rules=rules.rules if rules else (),
            measures=self.measures,
            cache=self._cache,
            shadow=self._shadow,
            rest=self._rest,
        )
        self.turn = Turn(self.answering, self.measures, "POST", "/predict")
        self.apart = Apart(self.load)
        self.bulk = Bulk(
            config.model,
            spool=self._spool,
            counter=self.counter,
            rules=rules.rules if rules else (),
            measures=self.measures,
            apart=self.apart,
            by_row=self._cache is not None,
        )
        self._judging: asyncio.Task[None] | None = None
        self.draining = False
        """Whether the whole server ends: it still answers, and is not ready."""

    async def start(self) -> None:
        """Read the store once, so that the first request finds a champion, and follow it from then on."""
        try:
            await asyncio.to_thread(self._follower.look)
        except STORE_FAULTS as error:
            self._circuit.failed(str(error))
            LOG.warning("nothing is loaded yet: %s", error)
        await self.guard.start()
        self._follower.start()
        self._reporter.start()
        if self._shadow is not None:
            self._shadow.start()
        self._judging = asyncio.create_task(self._judge())

    async def stop(self) -> None:
        """Stop following, flush what was counted as far as the store takes it within a second, and end the spool."""
        if self._judging is not None:
            self._judging.cancel()
        self.turn.end()
        self.measures.settle()
        self.guard.end()
        self._follower.end()
        self._reporter.end()
        if self._shadow is not None:
            await asyncio.to_thread(self._shadow.end)
        self._spool.close()
        await self.online.close()
        with suppress(TimeoutError):
            await within(self._last_words, PATIENCE)
        if self.counter.unflushed:
            LOG.warning("%d counted requests did not reach the store", self.counter.unflushed)

    @property
    def cached(self) -> bool:
        """Whether answers are kept for a while."""
        return self._cache is not None

    @property
    def snapshot(self) -> Snapshot:
        """What answers right now, if anything."""
        return self.current.snapshot

    @property
    def refused(self) -> Mapping[int, Refusal]:
        """The versions that should answer and may not be loaded, by number."""
        return self._follower.refused

    async def reload(self) -> None:
        """Verify and load anew what the store says now; `STORE_FAULTS` where the store is away, TimeoutError where it takes too long."""
        await self._asked(self._ask_store)  # a store that hangs must not be waited for by a thread a request
        await within(self._follower.reload, self.load.limits.answer)

    def ready_snapshot(self) -> Snapshot:
        """What answers; Refused (503) where no champion is loaded."""
        snapshot = self.current.snapshot
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
        """What a server has need of, each probed now: None where it is well, the reason where not."""
        champion = None if self.current.snapshot.champion is not None else "none is loaded"
        store, spool = await asyncio.gather(_fault(self._asked(self._ask_store)), _fault(within(self._try_spool, PATIENCE)))
        online = {"online": await self.online.check()} if self.online.views else {}
        return {"champion": champion, "store": store, "spool": spool, **online}

    def failing(self, checks: Mapping[str, str | None], scope: Mapping[str, Any]) -> str:
        """Which checks fail that a prediction needs, and why, where whoever asks may know; nothing where none does."""
        why = self.guard.observes(scope)
        failed = {name: reason for name, reason in checks.items() if reason is not None and name not in SPARED}
        return "; ".join(f"{name}: {reason}" if why else f"{name} is not well" for name, reason in failed.items())

    def degraded(self, checks: Mapping[str, str | None], scope: Mapping[str, Any]) -> dict[str, str]:
        """Which checks fail that a prediction does without, and why, where whoever asks may know."""
        why = self.guard.observes(scope)
        return {name: reason if why else "is not well" for name, reason in checks.items() if reason is not None and name in SPARED}

    async def unshipped(self) -> int | None:
        """Bytes of the spool that are not in the store yet; None where the store does not say."""
        try:
            return await self._asked(self._journal.look)
        except (*STORE_FAULTS, TimeoutError):
            return None

    def circuits(self) -> dict[str, Breaker]:
        """Of each part that something waits for, or that may be left out."""
        views = {f"online/{name}": view.circuit for name, view in self.online.views.items()}
        return {"store": self._circuit} | views | self._follower.circuits()

    async def metadata(self) -> dict[str, Any]:
        """What answers, and how far the store has heard of it."""
        snapshot = self.current.snapshot
        cards = await self._cards([served.number for served in snapshot.arms.values()])
        return {
            "model": self.config.model,
            "project": self.config.project,
            "worker": self._worker,
            "workers": told.mine(),
            "versions": snapshot.versions,
            "paths": {arm: served.path for arm, served in snapshot.arms.items()},
            "releases": {arm: self._release(served) | {"card": cards.get(served.number)} for arm, served in snapshot.arms.items()},
            "epoch": self._follower.epoch,
            "counted_epoch": snapshot.epoch,
            "weights": dict(snapshot.weights),
            "entity": self.config.entity,
            "inputs": [item.model_dump(exclude={"column", "view"}) for item in self.config.inputs],
            "unflushed": self.counter.unflushed,
            "unshipped": await self.unshipped(),
            "journal": self._journal.metadata(),
            "barred": self.current.barred,
            "circuits": {name: circuit.told() for name, circuit in self.circuits().items()},
            **({"cached": len(self._cache)} if self._cache is not None else {}),
            **({"shadow": self._shadow.told(snapshot.shadow)} if self._shadow is not None else {}),
            "refused": [
                {"version": number, "id": refusal.id, "message": refusal.message}
                for number, refusal in sorted(self._follower.refused.items())
            ],
        }

    async def _cards(self, numbers: Sequence[int]) -> dict[int, dict[str, Any]]:
        """The newest card of each version, by number; of none where the store does not say."""

        def ask() -> dict[int, dict[str, Any]]:
            found = {}
            with self._workspace.store.read() as session:
                for number in numbers:
                    with suppress(HeadraceError):
                        card = registry.card_of(session, self.config.model, number)
                        found[number] = {"card_version": card.card_version, "digest": card.digest, "status": card.status.value}
            return found

        try:
            return await self._asked(ask)
        except (*STORE_FAULTS, TimeoutError):
            return {}

    def _release(self, served: Served) -> dict[str, Any]:
        """What an arm's version is, by the digests that the registry has of it, and what it takes."""
        found = self._follower.releases.get(served.number)
        return {
            "version": served.number,
            "inputs": [_taken(item) for item in served.signature.inputs],
            "task": served.answers.task,
            **({} if served.parity is None else {"parity": served.parity.told()}),
            **({} if found is None else _recorded(found)),
        }

    async def _judge(self) -> None:
        while True:
            await asyncio.sleep(EVERY)
            try:
                self.judge.look()
                self.measures.settle()
            except Exception:  # a bug here must not end the judging for ever
                self.measures.failed("judge")
                LOG.exception("the judge failed")

    def _last_words(self) -> None:
        self._reporter.join()
        self.guard.join()
        if self.tracing is not None:
            self.tracing.close()

    def _ask_store(self) -> None:
        with self._workspace.store.read() as session:
            registry.aliases(session, self.config.model)

    def _try_spool(self) -> None:
        if self._spool.terms.drop:  # what cannot be journalled is answered all the same
            return
        probe = self._workspace.spool / f".probe-{self._worker}"
        try:
            probe.write_bytes(b".")
        finally:  # a full disk takes the file, and not what is in it
            probe.unlink(missing_ok=True)
        if self._spool.full:
            raise OSError("it is full: is the shipper running?")

    def _rest(self, served: Served) -> None:
        # Judged first, by what it was counted for: while it rests there is nothing to judge.
        self.judge.look()
        self.current.rest(served)

    async def _asked(self, ask: Callable[[], T]) -> T:
        """What the store says; OSError at once while its circuit is not closed, TimeoutError where it does not answer."""
        if not self._circuit.closed:
            raise OSError(f"the circuit is open: {self._circuit.reason}")
        try:
            return await within(ask, PATIENCE)
        except TimeoutError:
            self._circuit.failed(f"no answer within {PATIENCE:g} s", hung=True)
            raise


def _taken(item: Input) -> dict[str, Any]:
    """An input as a version's signature has it; of a category how many training saw."""
    known = {"categories": len(item.categories)} if item.type == "category" else {"low": item.low, "high": item.high}
    return {"name": item.name, "type": item.type, **({} if item.type == "text" else known)}


def _recorded(version: registry.Version) -> dict[str, Any]:
    return {
        "algorithm": version.algorithm,
        "format": version.format,
        "created_at": version.created_at.isoformat(),
        "digests": {**version.manifest.get("digests", {}), "model": version.model_digest, "manifest": version.manifest_digest},
    }


async def _fault(asked: Awaitable[object]) -> str | None:
    """Why a part did not answer; None where it did."""
    try:
        await asked
    except TimeoutError:
        return f"no answer within {PATIENCE:g} s"
    except STORE_FAULTS as error:
        return str(error)
    return None
