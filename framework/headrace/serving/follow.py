"""How a server keeps up with the store: a thread that reads aliases and weights, loads what is new beside the old, and swaps."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial

from sqlalchemy.exc import SQLAlchemyError
from sqlmodel import Session

from headrace import registry, traffic
from headrace.diagnostics import HeadraceError
from headrace.governance import in_force
from headrace.journal import SHADOW
from headrace.registry import admission
from headrace.serving.breaker import Breaker, State
from headrace.serving.fast import PROBED, fastest, widest
from headrace.serving.measures import Measures
from headrace.serving.moment import Moments
from headrace.serving.snapshot import CANDIDATE, CHAMPION, Answered, Served, Snapshot
from headrace.serving.workspace import Workspace
from headrace.store.changes import Changes
from headrace.traffic.enrolment import OUTSIDE

LOG = logging.getLogger("headrace.serving")

EVERY = 0.2
"""Seconds between two looks at the store."""
AGAIN = 5.0
"""Seconds before a version that could not be loaded is tried again."""
STORE_FAULTS = (HeadraceError, SQLAlchemyError, OSError)
"""What a store that is away, full or busy may raise."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """What the store says should answer: the champion, and the candidate with its share (none: None, 0).

    `others` are the arms of an experiment beside these two, `among` is whom it deals its arms to.
    """

    champion: int | None
    candidate: int | None
    share: float
    epoch: int
    trial: tuple[tuple[int, float], ...] = ()
    others: tuple[traffic.Arm, ...] = ()
    among: traffic.Among | None = None
    shadow: int | None = None
    standby: int | None = None
    """The version that a rollback would put back: kept loaded, so that going back is a swap and nothing else."""

    @property
    def numbers(self) -> set[int]:
        """The versions that answer, or may have to at once."""
        return {number for number in (self.standby, *self.answering) if number is not None}

    @property
    def answering(self) -> tuple[int, ...]:
        """Those that answer."""
        named = (self.champion, self.candidate, *(arm.version for arm in self.others))
        return tuple(number for number in named if number is not None)


@dataclass(frozen=True, slots=True)
class Refusal:
    """A version that may not be loaded, and why."""

    id: str
    message: str
    since: float


def wanted(aliases: Mapping[str, int], weights: traffic.Weights | None, epochs: Sequence[traffic.Weights] = ()) -> Wanted:
    """What should answer. The alias says who is champion; weights count only where they speak of that champion.

    After a promotion or a rollback the aliases may be a moment ahead of the weights: until these follow, all goes to the champion.
    """
    champion = aliases.get(CHAMPION)
    if weights is None or champion is None:
        return Wanted(champion, None, 0.0, 0)
    arms = {arm.name: arm for arm in weights.arms}
    if CHAMPION not in arms or arms[CHAMPION].version != champion:
        return Wanted(champion, None, 0.0, 0)
    candidate = arms.get(CANDIDATE)
    if candidate is None or candidate.weight <= 0.0:
        return Wanted(champion, None, 0.0, weights.epoch)
    others = tuple(arm for arm in weights.arms if arm.name not in {CHAMPION, CANDIDATE} and arm.weight > 0.0)
    trial = tuple((row.epoch, row.share) for row in epochs)
    return Wanted(champion, candidate.version, candidate.weight, weights.epoch, trial, others, weights.among)


def compose(want: Wanted, loaded: Mapping[int, Served], before: Snapshot, *, barred: bool) -> Snapshot:
    """The snapshot of what is wanted and loaded: an unloadable champion leaves the one before, an unloadable or barred candidate none."""
    champion = loaded.get(want.champion) if want.champion is not None else None
    if champion is None:
        kept = before.champion if want.champion is not None else None
        return Snapshot(0, ((CHAMPION, 1.0),), {CHAMPION: kept}) if kept is not None else Snapshot()
    if want.candidate is None:
        return Snapshot(want.epoch, ((CHAMPION, 1.0),), {CHAMPION: champion})
    candidate, others = loaded.get(want.candidate), {arm.name: loaded.get(arm.version) for arm in want.others}
    if candidate is None or None in others.values() or barred:
        return Snapshot(0, ((CHAMPION, 1.0),), {CHAMPION: champion})
    taken = want.share + sum(arm.weight for arm in want.others)
    weights = ((CHAMPION, 1.0 - taken), (CANDIDATE, want.share), *((arm.name, arm.weight) for arm in want.others))
    arms = {CHAMPION: champion, CANDIDATE: candidate, **{name: served for name, served in others.items() if served is not None}}
    if want.among is not None:
        arms[OUTSIDE] = champion
    return Snapshot(want.epoch, weights, arms, want.trial, among=want.among)


def same(one: Snapshot, other: Snapshot) -> bool:
    """Whether two snapshots answer alike."""
    mirrors = tuple(None if shadow is None else shadow.number for shadow in (one.shadow, other.shadow))
    answering = (one.epoch, one.weights, one.among, one.versions) == (other.epoch, other.weights, other.among, other.versions)
    return answering and mirrors[0] == mirrors[1]


class Current:
    """The snapshot that answers, and the candidate that may not: swapped whole under a lock, read without one."""

    def __init__(self) -> None:
        self.snapshot = Snapshot()
        self.barred: int | None = None
        self._lock = threading.Lock()

    def swap(self, snapshot: Snapshot) -> bool:
        """Let this one answer from now on; False where it answers as the one before."""
        with self._lock:
            candidate = snapshot.arms.get(CANDIDATE)
            if candidate is not None and candidate.number == self.barred:
                snapshot = snapshot.without_candidate()
            if same(snapshot, self.snapshot):
                return False
            self.snapshot = snapshot
            return True

    def bar(self, number: int) -> None:
        """Take all traffic from a candidate at once, whether or not the store can be told."""
        with self._lock:
            self.barred = number
            self.snapshot = self.snapshot.without_candidate()

    def rest(self, served: Served) -> None:
        """Take all traffic from what is on trial until the circuit of this one lets it be tried again."""
        with self._lock:
            if any(trial is served for trial in self.snapshot.trials):
                self.snapshot = self.snapshot.without_candidate()

    def lift(self, candidate: int | None) -> None:
        """Forget the bar once the store sends nothing to that candidate any more."""
        with self._lock:
            if candidate != self.barred:
                self.barred = None


class Follower(threading.Thread):
    """Looks at the store every `EVERY` seconds, and never dies of what it finds."""

    def __init__(
        self,
        workspace: Workspace,
        model: str,
        current: Current,
        *,
        moments: Moments,
        measures: Measures,
        swapped: Callable[[Snapshot], None],
        circuit: Breaker,
        shadow: str | None = None,
    ) -> None:
        super().__init__(name=f"follow-{model}", daemon=True)
        self._workspace = workspace
        self._model = model
        self._current = current
        self._moments = moments
        self._measures = measures
        self._swapped = swapped
        self._circuit = circuit
        self._shadow = shadow
        self._want = Wanted(None, None, 0.0, 0)
        self._changes = Changes(workspace.store)
        self._seen: object = None
        self._epoch = 0
        self._loaded: dict[int, Served] = {}
        self._mirrors: dict[int, Served] = {}
        self._ended = threading.Event()
        self._looking = threading.RLock()
        self.releases: dict[int, registry.Version] = {}
        """What is recorded of each version that is loaded."""
        self.refused: dict[int, Refusal] = {}
        self.epoch = 0
        """The newest epoch of weights that was read and acted upon; 0 where there is none."""
        self.heartbeat = time.monotonic()

    def run(self) -> None:
        """Look, wait, look again."""
        failing = False
        while not self._ended.wait(EVERY):
            self.heartbeat = time.monotonic()
            if not self._circuit.allows():
                continue
            try:
                self.look()
                failing = False
                self._circuit.succeeded()
            except Exception as error:  # noqa: BLE001 - a server that stops following is worse than any fault
                if isinstance(error, STORE_FAULTS):
                    self._circuit.failed(str(error))
                else:
                    self._circuit.succeeded()
                self._measures.failed("follow")
                if not failing:
                    LOG.warning("the store cannot be followed, what was loaded goes on answering: %s", error)
                failing = True
            self.heartbeat = time.monotonic()
        self._changes.close()

    def end(self) -> None:
        """Look no more."""
        self._ended.set()

    def reload(self) -> None:
        """Look at once, and verify and load anew what should answer, whatever was loaded or refused before."""
        with self._looking:
            self._read()  # while the store is away, nothing is let go of
            self._loaded, self._mirrors, self.refused, self._seen = {}, {}, {}, None
            self.look()

    def look(self) -> None:
        """Read the store where it changed, load what is new, and swap where that changes who answers."""
        with self._looking:
            self._look()

    def _look(self) -> None:
        seen = self._changes.token()
        if seen != self._seen or not self._moments.still():
            self._moments.read()
            self._want, self._epoch = self._read()
            self._seen = seen
        want, shadow = self._want, self._want.shadow
        self._current.lift(want.candidate)
        # Who answers first, and what may wait after it.
        for number in sorted(set(want.answering) - self._loaded.keys()):
            self._load(number, self._loaded)
        self._swap(want)
        if want.standby is not None and want.standby not in self._loaded:
            self._load(want.standby, self._loaded)
        if shadow is not None and shadow not in self._mirrors:
            self._load(shadow, self._mirrors)
            self._swap(want)
        self.refused = {number: refusal for number, refusal in self.refused.items() if number in want.numbers | {shadow}}
        self._measures.altered(len(self.refused))
        self.epoch = self._epoch
        in_use = set(self._current.snapshot.versions.values()) | want.numbers
        self._loaded = {number: served for number, served in self._loaded.items() if number in in_use}
        self._mirrors = {number: served for number, served in self._mirrors.items() if number == shadow}

    def _read(self) -> tuple[Wanted, int]:
        """What the store says should answer, and the newest epoch of weights."""
        with self._workspace.store.read() as session:
            aliases = registry.aliases(session, self._model)
            weights = traffic.current(session, self._model)
            epochs = traffic.epochs(session, weights) if weights is not None and weights.share > 0.0 else []
            shadow = self._wanted_shadow(session)
        want = replace(wanted(aliases, weights, epochs), shadow=shadow, standby=aliases.get(registry.PREVIOUS))
        return want, 0 if weights is None else weights.epoch

    def circuits(self) -> dict[str, Breaker]:
        """Those of the candidate that is wanted and of the shadow, where they are loaded."""
        found = {CANDIDATE: self._loaded.get(self._want.candidate or 0), SHADOW: self._mirrors.get(self._want.shadow or 0)}
        return {name: served.circuit for name, served in found.items() if served is not None}

    def _swap(self, want: Wanted) -> None:
        tried = (self._loaded.get(number) for number in want.answering[1:])
        resting = any(served is not None and served.circuit.state is State.OPEN for served in tried)
        barred = want.candidate is not None and self._current.barred == want.candidate
        snapshot = compose(want, self._loaded, self._current.snapshot, barred=barred or resting)
        if self._current.swap(replace(snapshot, shadow=self._mirrors.get(want.shadow or 0))):
            self._measures.swapped()
            self._swapped(self._current.snapshot)
        self.releases = {number: version for number, version in self.releases.items() if number in self._loaded}

    def _wanted_shadow(self, session: Session) -> int | None:
        if self._shadow is None:
            return None
        try:
            return registry.find(session, self._model, self._shadow).number
        except HeadraceError as error:
            if error.report.errors[0].id != "no-version":
                raise
            return None

    def _refuse_unapproved(self, session: Session, version: registry.Version) -> None:
        """HeadraceError where somebody must agree to what answers, and did not, or to something else."""
        place = self._workspace
        admission.loadable(session, in_force(session, place.project, place.governance), place.environment, version)

    def _load(self, number: int, into: dict[int, Served]) -> None:
        refusal = self.refused.get(number)
        if refusal is not None and time.monotonic() - refusal.since < AGAIN:
            return
        store = self._workspace.store
        try:
            with store.read() as session:
                version = registry.get(session, self._model, number)
                if into is self._loaded:  # a shadow answers nobody
                    self._refuse_unapproved(session, version)
            served = self._served(version, quick=into is self._loaded)  # a shadow is asked many rows at once
            registry.replay(store, version, lambda inputs: _said(served.answer(inputs)))
        except HeadraceError as error:
            fault = error.report.errors[0]
            if fault.id.startswith("store-"):
                raise
            self._measures.failed("load")
            if refusal is None:
                LOG.error("refused[%s]: %s", fault.id, fault.message)  # noqa: TRY400 - the headline says it all
            self.refused[number] = Refusal(fault.id, fault.message, time.monotonic())
            return
        self.refused.pop(number, None)
        self.releases[number] = version
        into[number] = served

    def _served(self, version: registry.Version, *, quick: bool) -> Served:
        """A version that was loaded and warmed up, in its fastest form where it is to be `quick`; HeadraceError as `registry.load`."""
        store, plugins = self._workspace.store, self._workspace.plugins
        one, other = (registry.load(store, plugins, version) for _ in range(2))
        served = Served(version.number, one.signature, one.predictor, other.predictor, answers=one.answers, digest=version.manifest_digest)
        try:
            served.warm_up()
        except Exception as error:  # noqa: BLE001 - a plugin may raise anything; requests will tell, and be counted
            LOG.warning("v%d failed on its warm-up row: %s", version.number, error)
        if not quick:
            return served
        failed = partial(self._measures.failed, "compile")
        return widest(
            fastest(served, plugins.algorithms[version.algorithm], failed, lambda: registry.probe(store, version, PROBED)), failed
        )


def _said(answered: Answered) -> float | Mapping[str, float] | str:
    """An answer as golden requests expect one: why there is none, each of several numbers, or the one."""
    if answered.output is None:
        return answered.error or "it gave none"
    return answered.answer if answered.answer is not None else answered.output
