"""Prefect's task runner for Dask, which says in our words that a cluster cannot be had; only where the extra is installed."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from typing import TYPE_CHECKING, Any, TypeVar

from distributed import CancelledError, KilledWorker, as_completed
from prefect_dask.task_runners import DaskTaskRunner

from headrace.diagnostics import Diagnostic, Exit, HeadraceError

if TYPE_CHECKING:
    from prefect_dask.client import PrefectDaskClient

SECONDS = 60
"""How long a cluster's first worker is waited for."""
Given = TypeVar("Given")
Done = TypeVar("Done")


class Cluster(DaskTaskRunner):
    """The same, but for its words, and for work that is too small to be a task of Prefect's."""

    @property
    def client(self) -> PrefectDaskClient:
        """Whom tasks are handed to; made when the first one is. HeadraceError `runner-away`."""
        if self._client is not None:
            return self._client
        # Every connection is a line of its log otherwise, among those of the run.
        logging.getLogger("distributed").setLevel(logging.WARNING)
        try:
            made = super().client
        except (OSError, ValueError) as error:
            raise _away(f"{self._where} does not answer: {error}", self.address) from error
        try:
            made.wait_for_workers(1, timeout=SECONDS)
        except TimeoutError as error:
            raise _away(f"{self._where} has had no worker for {SECONDS} s", self.address) from error
        return made

    @property
    def _where(self) -> str:
        return f"the Dask cluster at {self.address}" if self.address is not None else "Dask on this machine"

    def each(self, work: Callable[[Given], Done], items: Iterable[Given], *, at_once: int) -> Iterator[Done]:
        """What comes of each item, as soon as it is there; no more than `at_once` are handed out before their turn.

        An item whose worker dies is done again. HeadraceError `worker-died` where one of them sees several workers die, `runner-away`
        where there is no cluster, or no longer; whatever `work` raises.
        """
        waiting = iter(items)
        first = list(islice(waiting, at_once))
        if not first:
            return
        client: Any = self.client  # whose methods are not typed
        handed = {client.submit(work, item, pure=False) for item in first}
        running: Any = as_completed(handed, loop=client.loop)  # type: ignore[no-untyped-call]
        try:
            for future in running:
                handed.remove(future)
                done = self._result(future)
                more = [client.submit(work, item, pure=False) for item in islice(waiting, 1)]
                handed.update(more)
                running.update(more)
                yield done
        finally:
            for future in handed:
                future.release()  # what nobody waits for, the cluster forgets

    def _result(self, future: Any) -> Any:  # noqa: ANN401 - what the work gives
        try:
            return future.result()
        except KilledWorker as error:
            died = error.allowed_failures + 1
            message = f"some of the work was given up, since {died} workers died while they had it: most likely for want of memory"
            help_ = "take smaller chunks, or give the workers more memory; what is done is kept"
            raise HeadraceError(Diagnostic("worker-died", message, help=help_), Exit.FAILED) from error
        except CancelledError as error:
            raise _away(f"{self._where} was lost", self.address) from error


def _away(message: str, address: str | None) -> HeadraceError:
    begin = f"`dask scheduler`, and on each machine `dask worker {address}`" if address is not None else "`headrace up` again"
    return HeadraceError(Diagnostic("runner-away", message, help=f"start it with {begin}"))
