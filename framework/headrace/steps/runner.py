"""What takes the work that many can share: Prefect's task runner for Dask, which comes with `headrace[dask]`."""

from __future__ import annotations

from typing import Any

from headrace.diagnostics import Diagnostic, Exit, HeadraceError

__all__ = ["dask"]


def dask(*, workers: int = 2, address: str | None = None) -> Any:  # noqa: ANN401 - its own type is none of those that a flow declares
    """Processes of this machine that live as long as the flow has work for them, or a cluster that runs already.

    Those of this machine listen on loopback alone, and answer nobody who has not their certificate, which they make themselves.
    HeadraceError `runner-missing` where the extra is not installed. Where the cluster is used: `runner-away`.
    """
    try:
        from headrace.steps.dask_runner import Cluster
    except ModuleNotFoundError as error:
        message = f"the environment's `runner` is Dask, and `{error.name}` is not installed"
        raise HeadraceError(Diagnostic("runner-missing", message, help="pip install 'headrace[dask]'"), Exit.INVALID) from error
    if address is not None:
        return Cluster(address=address)
    return Cluster(
        cluster_kwargs={
            "n_workers": workers,
            # One each: a task starts processes of its own, or has the machine's memory to itself.
            "threads_per_worker": 1,
            "processes": True,
            "host": "127.0.0.1",
            # `None` would listen on port 8787 all the same.
            "dashboard_address": "127.0.0.1:0",
            "worker_dashboard_address": "127.0.0.1:0",
            "security": True,
        }
    )
