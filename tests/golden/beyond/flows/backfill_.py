# Compiled by headrace from project/beyond. Change the spec, then run `headrace compile`.
"""project/beyond: days of views, brought in again by many at once; `headrace features backfill` runs it."""

from prefect import flow, task

from headrace import steps
from headrace.steps import Days


@task(
    name="days",
    task_run_name="{days.view} {days.first} {days.last}",
    retries=3,
    retry_delay_seconds=5,
    retry_condition_fn=steps.again,
    persist_result=False,
)
def bring(days: Days) -> int:
    """Bring in some days of a view; done again, they are the same. How many events they have."""
    return steps.features.bring(days)


@flow(name="backfill", flow_run_name="beyond backfill", task_runner=steps.runner.dask(workers=2))
def backfill(chunks: list[Days]) -> list[int]:
    """All of them, in whatever order they end."""
    return bring.map(chunks).result()
