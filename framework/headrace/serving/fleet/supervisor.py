"""The supervisor of one model's workers: holds their socket, starts them, watches them, and ends them; it answers nothing itself."""

from __future__ import annotations

import logging
import os
import select
import shutil
import signal
import socket
import subprocess
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, assert_never

from headrace.diagnostics import Diagnostic, Exit, HeadraceError
from headrace.serving.fleet import told
from headrace.serving.fleet.measured import retire
from headrace.serving.fleet.scale import Facts, Pace, decide, load, spare
from headrace.serving.fleet.words import Failed, Leave, Load, Order, Ready, Shed, line, report

LOG = logging.getLogger("headrace.serving")

LONGEST_PAUSE = 10.0
TRIES = 5
"""Starts in a row that may fail before the fleet gives up."""
LOOK = 0.1
"""Seconds between two looks at the workers."""
LATE = 0.5
"""Seconds beyond its grace after which a worker that should have ended is killed."""

Why = Literal["died", "memory", "reload"]


@dataclass(frozen=True, slots=True)
class Limits:
    """How many workers there may be, and how many bytes each may take."""

    least: int
    most: int
    memory: int | None


@dataclass(slots=True)
class Worker:
    """One worker process, as its supervisor knows it."""

    number: int
    process: subprocess.Popen[bytes]
    control: socket.socket
    state: Literal["starting", "ready", "leaving"] = "starting"
    began: float = field(default_factory=time.monotonic)
    heard: bytes = b""
    last: Load | None = None
    rss: int = 0
    reason: str | None = None
    """Why it could not start, in its own words."""
    successor_of: int | None = None
    """The number of the worker that it takes the place of, which leaves once it answers."""

    def order(self, word: Order) -> None:
        """Tell it; one that is gone hears nothing."""
        with suppress(OSError):
            self.control.send(line(word))


class Fleet:
    """The workers of one socket. `command` starts one, given the numbers of its two inherited sockets."""

    def __init__(
        self,
        command: Callable[[int, int], Sequence[str]],
        listening: socket.socket,
        limits: Limits,
        *,
        where: Path,
        grace: float,
        pace: Pace | None = None,
        says: Callable[[], None] = lambda: None,
    ) -> None:
        """`says` that they answer, once: when the first of them does."""
        self._command = command
        self._listening = listening
        self._limits = limits
        self._where = where
        self._grace = grace
        self._pace = pace or Pace()
        self._says: Callable[[], None] | None = says
        self.workers: list[Worker] = []
        self._numbers = 0
        self._failures = 0
        self._failed = self._not_before = 0.0
        self._wanted = limits.least
        self._changed = self._looked = self._replaced = time.monotonic()
        self._calm: float | None = None
        self._counts: Counter[Why] = Counter()
        self._too_small = False
        self._reloading: set[int] = set()
        self._said: dict[str, Any] | None = None

    def run(self, stopped: Callable[[], bool], reload: Callable[[], bool]) -> None:
        """Look after the workers until told to stop; HeadraceError `workers-fail` where none of them starts."""
        _empty(self._where)
        try:
            while not stopped():
                if reload():
                    self._reloading |= {one.number for one in self._of("ready", "starting")}
                self.look()
                self._listen(LOOK)
        finally:
            self._end()

    def look(self) -> None:
        """One look: who ended, who takes too much, how many there should be; then start what is missing."""
        now = time.monotonic()
        self._reap(now)
        self._replace(now)
        if now - self._looked >= self._pace.look:
            self._looked = now
            self._scale(now)
        self._fill(now)
        self._tell()

    def _of(self, *states: str) -> list[Worker]:
        return [one for one in self.workers if one.state in states]

    def _start(self, successor_of: int | None = None) -> None:
        mine, its = socket.socketpair()
        with its:
            handed = (self._listening.fileno(), its.fileno())
            self._numbers += 1
            process = subprocess.Popen(  # noqa: S603 - our own module
                self._command(*handed),
                stdin=subprocess.DEVNULL,
                pass_fds=handed,
                start_new_session=True,  # Ctrl-C is the supervisor's, who tells them
                env={**os.environ, **single_threaded(), told.METRICS: str(self._where / "metrics")},
            )
        mine.setblocking(False)
        self.workers.append(Worker(self._numbers, process, mine, successor_of=successor_of))

    def _reap(self, now: float) -> None:
        for one in [one for one in self.workers if one.process.poll() is not None]:
            self._hear(one)  # its last words
            self.workers.remove(one)
            one.control.close()
            retire(self._where / "metrics", one.process.pid)
            if one.state != "leaving":
                self._died(one, now)

    def _died(self, one: Worker, now: float) -> None:
        self._counts["died"] += 1
        lasted = now - one.began
        self._failures = 1 if one.state == "ready" and lasted > LONGEST_PAUSE else self._failures + 1
        self._failed = now
        pause = min(self._pace.again * 2 ** (self._failures - 1), LONGEST_PAUSE)
        self._not_before = now + pause
        why = one.reason or _ended(one.process.returncode)
        if self._failures >= TRIES:
            if not self._of("ready"):
                message = f"{self._failures} workers in a row ended as soon as they had started, the last one: {why}"
                raise HeadraceError(Diagnostic("workers-fail", message, help="mend what it says, and start the server again"), Exit.FAILED)
            self._not_before = now + self._pace.life
            LOG.error("worker %d: %s; %d in a row: the next try is in %g s", one.number, why, self._failures, self._pace.life)
            return
        LOG.warning("worker %d ended after %.1f s: %s; another starts in %g s", one.number, lasted, why, pause)

    def _replace(self, now: float) -> None:
        """Let a successor start for one worker that takes too much memory, or is to be read anew; and let go whom one has followed."""
        for one in self._of("ready"):
            old = next((other for other in self._of("ready") if other.number == one.successor_of), None)
            one.successor_of = None  # also where the other one was gone before it answered
            if old is not None:
                self._let_go(old)
        followed = {one.successor_of for one in self._of("starting")}
        if followed - {None} or now < self._not_before:
            return
        self._reloading &= {one.number for one in self._of("ready", "starting")}
        for one in self._of("ready"):
            if one.number in self._reloading:
                self._reloading.discard(one.number)
                self._counts["reload"] += 1
                self._start(successor_of=one.number)
                return
        self._replace_the_big(now)

    def _replace_the_big(self, now: float) -> None:
        limit = self._limits.memory
        big = next((one for one in self._of("ready") if limit is not None and one.last is not None and one.last.rss > limit), None)
        if big is None or big.last is None or limit is None:
            return
        if big.rss > limit:
            if not self._too_small:
                self._too_small = True
                said = "`replicas.memory` is %s, and a worker takes %s when it starts: none is replaced for it"
                LOG.error(said, _mib(limit), _mib(big.rss))
            return
        if now - self._replaced < self._pace.life and self._counts["memory"]:
            return
        self._replaced = now
        self._counts["memory"] += 1
        LOG.warning("worker %d takes %s of memory, more than %s: another takes its place", big.number, _mib(big.last.rss), _mib(limit))
        self._start(successor_of=big.number)

    def _let_go(self, one: Worker) -> None:
        one.state = "leaving"
        one.began = time.monotonic()
        one.order(Leave())

    def _scale(self, now: float) -> None:
        ready = [one for one in self._of("ready") if one.last is not None]
        mean = sum(load(one.last.busy, one.last.in_flight) for one in ready if one.last is not None) / len(ready) if ready else 0.0
        if not spare(len(ready), mean):
            self._calm = None
        elif self._calm is None:
            self._calm = now
        facts = Facts(
            least=self._limits.least,
            most=self._limits.most,
            wanted=self._wanted,
            running=len(ready),
            load=mean,
            since=now - self._changed,
            calm=0.0 if self._calm is None else now - self._calm,
        )
        wanted = decide(facts, self._pace)
        if wanted == self._wanted or not ready:
            return
        LOG.info("%d workers are wanted, where %d were: their mean load is %.2f", wanted, self._wanted, mean)
        self._wanted, self._changed, self._calm = wanted, now, None

    def _fill(self, now: float) -> None:
        """Start what is missing, and let go what is too much: the youngest, whose clients are the fewest."""
        standing = [one for one in self._of("starting", "ready") if one.successor_of is None]
        if now >= self._not_before:
            for _ in range(self._wanted - len(standing)):
                self._start()
        for one in sorted(self._of("ready"), key=lambda one: -one.number)[: max(0, len(standing) - self._wanted)]:
            self._let_go(one)
        for one in self._of("leaving"):
            if now - one.began > self._grace + LATE:
                one.process.kill()

    def _listen(self, seconds: float) -> None:
        """Wait for what the workers say, at most so long."""
        heard, _, _ = select.select([one.control for one in self.workers if one.control.fileno() >= 0], [], [], seconds)
        for one in self.workers:
            if one.control in heard:
                self._hear(one)
        if heard:
            time.sleep(LOOK / 10)  # one that has closed its end is readable until it is reaped

    def _hear(self, one: Worker) -> None:
        with suppress(BlockingIOError, ConnectionError):
            while more := one.control.recv(65536):
                one.heard += more
        *lines, one.heard = one.heard.split(b"\n")
        for text in lines:
            match report(text):
                case Ready(rss):
                    one.rss = rss
                    if one.state == "starting":
                        self._answers(one)
                case Failed(reason):
                    one.reason = reason
                case Load() as said:
                    one.last = said
                    # One that has long been there says nothing of whether another can start.
                    if one.began > self._failed and time.monotonic() - one.began > LONGEST_PAUSE:
                        self._failures = 0
                case other:
                    assert_never(other)

    def _answers(self, one: Worker) -> None:
        one.state = "ready"
        LOG.info("worker %d (process %d) answers", one.number, one.process.pid)
        if self._says is not None:
            self._says()
            self._says = None
        others = [other for other in self._of("ready") if other is not one]
        if one.successor_of is None:
            # Clients keep their connections: without this a new worker would wait for new ones.
            for other in others:
                other.order(Shed(1 / (len(others) + 1)))

    def _tell(self) -> None:
        """Write what there is, where it has changed."""
        found = {
            "supervisor": os.getpid(),
            "least": self._limits.least,
            "most": self._limits.most,
            "wanted": self._wanted,
            "replaced": dict(self._counts),
            "workers": [
                {
                    "number": one.number,
                    "pid": one.process.pid,
                    "state": one.state,
                    "load": round(load(one.last.busy, one.last.in_flight), 2) if one.last is not None else None,
                    "connections": one.last.connections if one.last is not None else None,
                    "memory": one.last.rss if one.last is not None else None,
                }
                for one in self.workers
            ],
        }
        if found != self._said:
            self._said = found
            told.write(self._where, found)

    def _end(self) -> None:
        """Let all of them finish what they have, and kill what does not end in its time."""
        self._listening.close()  # theirs stay open until they have taken what stands in the queue
        for one in self.workers:
            with suppress(ProcessLookupError):
                one.process.send_signal(signal.SIGTERM)
        ends = time.monotonic() + self._grace + LATE
        for one in self.workers:
            try:
                one.process.wait(max(0.0, ends - time.monotonic()))
            except subprocess.TimeoutExpired:
                LOG.warning("worker %d does not end: it is killed", one.number)
                one.process.kill()
                one.process.wait()
            one.control.close()
        shutil.rmtree(self._where, ignore_errors=True)


def oversee(fleet: Fleet) -> int:
    """Run a fleet until SIGTERM or SIGINT; the exit code. SIGHUP replaces its workers one by one, each once its successor answers."""
    received: list[int] = []

    def asked() -> bool:
        if signal.SIGHUP in received:
            received.remove(signal.SIGHUP)
            return True
        return False

    with _handled((signal.SIGTERM, signal.SIGINT, signal.SIGHUP), received):
        fleet.run(lambda: bool({signal.SIGTERM, signal.SIGINT} & set(received)), asked)
    return int(Exit.INTERRUPTED) if signal.SIGINT in received else int(Exit.OK)


@contextmanager
def _handled(numbers: Sequence[signal.Signals], received: list[int]) -> Iterator[None]:
    before = {number: signal.signal(number, lambda number, _: received.append(number)) for number in numbers}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def single_threaded() -> dict[str, str]:
    """Environment under which numeric libraries keep to one thread: parallel work is by processes."""
    return dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")


def _empty(where: Path) -> None:
    """A folder of this fleet's own: the port is its own, so what stands there is of one that was killed."""
    shutil.rmtree(where, ignore_errors=True)
    (where / "metrics").mkdir(parents=True)


def _ended(code: int) -> str:
    return f"killed by signal {-code}" if code < 0 else f"exit code {code}"


def _mib(size: int) -> str:
    return f"{size / 2**20:.0f} MiB"
