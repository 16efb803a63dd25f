"""Who carries chunks out on one machine: this process, or some processes beside it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import islice

from headrace.batch.values import Chunk, Part
from headrace.diagnostics import Diagnostic, Exit, HeadraceError


def here(work: Callable[[Chunk], Part], chunks: Iterable[Chunk]) -> Iterator[Part]:
    """One after another, in this process."""
    return map(work, chunks)


@dataclass(frozen=True, slots=True)
class Processes:
    """So many processes, each begun anew: a forked one would hang in OpenMP, and each model answers by one thread."""

    number: int

    def __call__(self, work: Callable[[Chunk], Part], chunks: Iterable[Chunk]) -> Iterator[Part]:
        """Parts as they are done; no more chunks are handed out than keep the processes busy.

        HeadraceError `worker-died` where one of them was killed.
        """
        from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
        from concurrent.futures.process import BrokenProcessPool
        from multiprocessing import get_context

        waiting = iter(chunks)
        with ProcessPoolExecutor(self.number, mp_context=get_context("spawn")) as pool:
            running: set[Future[Part]] = set()
            try:
                while True:
                    running |= {pool.submit(work, chunk) for chunk in islice(waiting, 2 * self.number - len(running))}
                    if not running:
                        return
                    ended, running = wait(running, return_when=FIRST_COMPLETED)
                    for one in ended:
                        yield one.result()
            except BrokenProcessPool:
                message = "a process that scored was killed, most likely for want of memory"
                help_ = "take smaller chunks or fewer workers; what is done is kept: `--resume`"
                raise HeadraceError(Diagnostic("worker-died", message, help=help_), Exit.FAILED) from None
            finally:
                pool.shutdown(wait=False, cancel_futures=True)
