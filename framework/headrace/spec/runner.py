"""What takes the work that many can share, an environment's `runner`: trials of a search, days of a backfill, rows of a batch."""

from __future__ import annotations

from headrace.spec.field import Effect, Spec, field


class Dask(Spec):
    """Dask, through Prefect's task runner; it comes with `pip install 'headrace[dask]'`."""

    workers: int = field(
        "How many processes are started on this machine while there is work for them; of a cluster at `address`, how many tasks it is"
        " handed at once.",
        Effect.REDEPLOY,
        default=2,
        example=4,
        ge=1,
        le=1024,
    )
    address: str | None = field(
        "The scheduler of a cluster that runs already, whose workers have this project and its packages; without it the processes are"
        " started on this machine, and end with the work.",
        Effect.REDEPLOY,
        default=None,
        example="tcp://10.0.0.7:8786",
    )


class Runner(Spec):
    """Which task runner takes the work that many can share."""

    dask: Dask = field("Dask, on this machine or on a cluster.", Effect.REDEPLOY, example={"workers": 4})
