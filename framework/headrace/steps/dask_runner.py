"""Prefect's task runner for Dask, which says in our words that a cluster cannot be had; only where the extra is installed."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from prefect_dask.task_runners import DaskTaskRunner

from headrace.diagnostics import Diagnostic, HeadraceError

if TYPE_CHECKING:
    from prefect_dask.client import PrefectDaskClient

SECONDS = 60
"""How long a cluster's first worker is waited for."""


class Cluster(DaskTaskRunner):
    """The same, but for its words."""

    @property
    def client(self) -> PrefectDaskClient:
        """Whom tasks are handed to; made when the first one is. HeadraceError `runner-away`."""
        if self._client is not None:
            return self._client
        # Every connection is a line of its log otherwise, among those of the run.
        logging.getLogger("distributed").setLevel(logging.WARNING)
        where = f"the Dask cluster at {self.address}" if self.address is not None else "Dask on this machine"
        try:
            made = super().client
        except (OSError, ValueError) as error:
            raise _away(f"{where} does not answer: {error}", self.address) from error
        try:
            made.wait_for_workers(1, timeout=SECONDS)
        except TimeoutError as error:
            raise _away(f"{where} has had no worker for {SECONDS} s", self.address) from error
        return made


def _away(message: str, address: str | None) -> HeadraceError:
    begin = f"`dask scheduler`, and on each machine `dask worker {address}`" if address is not None else "`headrace up` again"
    return HeadraceError(Diagnostic("runner-away", message, help=f"start it with {begin}"))
