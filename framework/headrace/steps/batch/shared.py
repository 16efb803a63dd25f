"""Chunks on the environment's runner: each goes to a worker of Dask, which writes its part where this process finds it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from socket import gethostname
from threading import Lock
from typing import TYPE_CHECKING

from headrace.batch import Chunk, Part
from headrace.batch.folder import JOB
from headrace.diagnostics import Diagnostic, HeadraceError

if TYPE_CHECKING:
    from headrace.steps.dask_runner import Cluster

_ALONE = Lock()
"""What a process scores by is of one chunk at a time; a worker of a cluster may have several threads."""


@dataclass(frozen=True, slots=True)
class Shared:
    """Workers of a cluster, as many chunks at once as it may be handed; `folder` is the run's."""

    cluster: Cluster
    number: int
    folder: Path

    def __call__(self, work: Callable[[Chunk], Part], chunks: Iterable[Chunk]) -> Iterator[Part]:
        """Parts as they are done; a chunk whose worker was killed is scored again by another.

        HeadraceError `runner-folder` where a worker sees other files than this process, and as `Cluster.each`.
        """
        if self.cluster.address is None:
            # Processes of this machine, each of one thread: one chunk waits for each, so that none of them does.
            return self.cluster.each(work, chunks, at_once=2 * self.number)
        return self.cluster.each(partial(elsewhere, str(self.folder), work), chunks, at_once=self.number)


def elsewhere(folder: str, work: Callable[[Chunk], Part], chunk: Chunk) -> Part:
    """Score a chunk on a worker that may be on another machine; HeadraceError `runner-folder`."""
    for path in (Path(folder) / JOB, Path(chunk.of.path)):
        if not path.exists():
            message = f"a worker at {gethostname()} does not see {path}"
            help_ = "let the project's folder, and the files that are read, be at one path on all machines of the cluster"
            raise HeadraceError(Diagnostic("runner-folder", message, help=f"{help_}; or leave out the runner's `address`"))
    with _ALONE:
        return work(chunk)
