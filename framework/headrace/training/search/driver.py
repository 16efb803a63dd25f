"""The loop of a search: it asks, hands each trial to a process, writes down what comes, and stops all of them when the time is over."""

from __future__ import annotations

import json
import os
import selectors
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from headrace.training.search.study import HEARTBEAT, Study

if TYPE_CHECKING:
    import optuna

_THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMEXPR_NUM_THREADS")
_ENDING = 5
"""Seconds that a process which says nothing any more is given to end by itself: its own words and code tell more than our signal."""
_TOLD = 400
"""How many characters of a dead process's last words are told."""


@dataclass
class _Worker:
    """One process, and the trial that it has in hand."""

    process: subprocess.Popen[bytes]
    log: Path
    trial: optuna.Trial | None = None
    ready: bool = False
    buffer: bytes = b""

    @property
    def output(self) -> int:
        if self.process.stdout is None:
            raise AssertionError(self.process)
        return self.process.stdout.fileno()

    def say(self, message: dict[str, Any]) -> None:
        if self.process.stdin is None:
            raise AssertionError(self.process)
        with suppress(OSError):  # a dead one is found by its output
            self.process.stdin.write(json.dumps(message).encode() + b"\n")
            self.process.stdin.flush()

    def kill(self) -> None:
        with suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()
        for pipe in (self.process.stdin, self.process.stdout):
            if pipe is not None:
                with suppress(OSError):
                    pipe.close()

    def last_words(self) -> str:
        text = self.log.read_text(encoding="utf-8", errors="replace").strip() if self.log.exists() else ""
        return text.splitlines()[-1][:_TOLD] if text else ""


@dataclass
class Drive:
    """One run of a search's loop."""

    study: Study
    job: Path
    trials: int
    seconds: float
    workers: int
    left: float | None = None
    """How many of the seconds are left; all of them, where it is not said."""
    told: Callable[[], None] = lambda: None
    """Called after each trial that has ended."""
    _busy: dict[int, _Worker] = field(default_factory=dict)
    _deaths: int = 0

    def run(self) -> bool:
        """Until the trials are all there, or the time is over; whether time ended it. Nothing runs on afterwards."""
        ends = time.monotonic() + (self.seconds if self.left is None else min(self.left, self.seconds))
        with selectors.DefaultSelector() as selector:
            try:
                return self._loop(selector, ends)
            finally:
                for worker in self._busy.values():
                    worker.kill()
                self._busy.clear()

    def _loop(self, selector: selectors.BaseSelector, ends: float) -> bool:
        beat = 0.0
        while True:
            self._hire(selector)
            running = [worker.trial for worker in self._busy.values() if worker.trial is not None]
            # What runs elsewhere may yet be lost, and its parameters come back.
            if not running and self.study.left(self.trials) == 0 and self.study.running() == 0:
                return False
            if time.monotonic() >= ends:
                self._end(running)
                return True
            if time.monotonic() >= beat:
                self.study.alive(running)
                self.study.recover()
                beat = time.monotonic() + HEARTBEAT
            for key, _ in selector.select(max(0.0, min(ends, beat) - time.monotonic())):
                self._read(selector, self._busy[key.fd])

    def _end(self, running: list[optuna.Trial]) -> None:
        """The time is over: kill first, so that nothing of theirs comes in any more."""
        for worker in self._busy.values():
            worker.kill()
        for trial in filter(self.study.holds, running):
            self.study.fail(trial, f"the search's time of {self.seconds:g} s was over")
            self.told()

    def _hire(self, selector: selectors.BaseSelector) -> None:
        """Give each idle process a trial, and start processes while there are trials for them."""
        for worker in self._busy.values():
            if worker.ready and worker.trial is None and (taken := self.study.take(self.trials)) is not None:
                worker.trial, params = taken
                worker.say({"params": params})
        idle = sum(worker.trial is None for worker in self._busy.values())
        while len(self._busy) < self.workers and self.study.left(self.trials) > idle:
            worker = self._start()
            self._busy[worker.output] = worker
            selector.register(worker.output, selectors.EVENT_READ)
            idle += 1

    def _start(self) -> _Worker:
        log = self.job.with_name(f"{self.job.stem}.{len(self._busy)}.{self._deaths}.log")
        with log.open("wb") as errors:
            process = subprocess.Popen(  # noqa: S603 - our own module
                [sys.executable, "-m", "headrace.training.search.worker", str(self.job)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=errors,
                # Many threads in many processes wait for each other: one each.
                env=os.environ | dict.fromkeys(_THREADS, "1"),
                start_new_session=True,
            )
        return _Worker(process, log)

    def _read(self, selector: selectors.BaseSelector, worker: _Worker) -> None:
        chunk = os.read(worker.output, 65536)
        if not chunk:
            self._died(selector, worker)
            return
        *lines, worker.buffer = (worker.buffer + chunk).split(b"\n")
        for line in lines:
            self._said(worker, json.loads(line))

    def _said(self, worker: _Worker, message: dict[str, Any]) -> None:
        if "ready" in message:
            worker.ready = True
            return
        trial = worker.trial
        if trial is None:
            raise AssertionError(message)
        held = self.study.holds(trial)
        if "values" in message:
            worker.say({"go": held and self.study.fold(trial, message["values"], last=message["last"])})
            return
        if not held:
            pass  # it was taken for dead elsewhere, and is tried there
        elif "failed" in message:
            self.study.fail(trial, message["failed"])
        elif "pruned" in message:
            self.study.prune(trial)
        else:
            self.study.complete(trial)
        worker.trial = None
        self.told()

    def _died(self, selector: selectors.BaseSelector, worker: _Worker) -> None:
        """A process ended without a word: another takes its place, and its parameters are tried again."""
        selector.unregister(worker.output)
        del self._busy[worker.output]
        with suppress(subprocess.TimeoutExpired):
            worker.process.wait(_ENDING)
        worker.kill()
        self._deaths += 1
        code, words = worker.process.returncode, worker.last_words()
        ended = f"signal {-code}" if code < 0 else f"exit {code}"
        reason = f"its process ended by {ended}{f': {words}' if words else ''}"
        if worker.trial is None:
            raise WorkerError(reason)
        if self.study.holds(worker.trial):
            self.study.lose(worker.trial, reason)
        self.told()


class WorkerError(Exception):
    """A process could not even begin."""
