"""Runs told to the environment's server of lineage, by who ran them: beside the run, for a while, and never in its way."""

from __future__ import annotations

import logging
import threading
from pathlib import Path

from headrace.compiled import WorkspaceConfig
from headrace.diagnostics import Exit, HeadraceError
from headrace.store import Store

__all__ = ["WAITED", "announce", "announce_beside"]

LOG = logging.getLogger("headrace.steps")
WAITED = 5.0
"""Seconds that a step which is over waits for the receiver; what it has not heard by then the next one tells, or `headrace up`."""


def announce(root: Path, config: WorkspaceConfig, actor: str, *, tries: int = 1) -> int:
    """Tell what has not been heard, by a connection of its own; how many events were sent, none where another process tells them.

    HeadraceError as `mirroring.announce`, and those of `Store.open`.
    """
    from headrace import mirroring

    if config.lineage is None:
        return 0
    try:
        with Store.open(config.store, config.blobs, root=root) as store:
            return mirroring.announce(store, config.lineage, config.project, actor, tries=tries)
    except HeadraceError as error:
        if error.code is Exit.LOCKED:
            return 0
        raise


def announce_beside(root: Path, config: WorkspaceConfig, actor: str, *, waited: float = WAITED) -> None:
    """Tell what has not been heard in a thread that is waited for so many seconds; what goes wrong is logged, and stops nothing."""
    if config.lineage is None:
        return

    def tell() -> None:
        try:
            announce(root, config, actor)
        except HeadraceError as error:
            for fault in error.report:
                LOG.warning("%s[%s]: %s; it is told again with the next step", fault.severity, fault.id, fault.message)

    # A receiver may take a connection and never answer: a thread that is left behind ends with its process, and nothing it held is lost.
    thread = threading.Thread(target=tell, name="lineage", daemon=True)
    thread.start()
    thread.join(waited)
    if thread.is_alive():
        LOG.warning("the server of lineage has not answered within %g s; it is told again with the next step", waited)
