"""The flow that brings in days of any view again, many at once: it stands where the environment has a runner and a view is `online`."""

from __future__ import annotations

from collections.abc import Iterator

from headrace.compiled import HEADER
from headrace.compiler.ir import Call, Variable
from headrace.compiler.literal import lines

RETRIES = 3
"""How often a chunk is tried again: one that others kept from writing for too long gets its turn."""


def module(project: str, runner: Call) -> str:
    """The text of the module; `project` is whose it is, as `compiled.owner` says it."""
    return "\n".join(_lines(project, runner))


def _lines(project: str, runner: Call) -> Iterator[str]:
    name = project.partition("@")[0]
    yield f"{HEADER}project/{name}. Change the spec, then run `headrace compile`."
    yield f'"""project/{name}: days of views, brought in again by many at once; `headrace features backfill` runs it."""'
    yield from ("", "from prefect import flow, task", "", "from headrace import steps", "from headrace.steps import Days", "", "")
    yield from _decorated(
        "task",
        name="days",
        task_run_name="{days.view} {days.first} {days.last}",
        retries=RETRIES,
        retry_delay_seconds=5,
        retry_condition_fn=Variable("steps.again"),
        persist_result=False,
    )
    yield "def bring(days: Days) -> int:"
    yield '    """Bring in some days of a view; done again, they are the same. How many events they have."""'
    yield from ("    return steps.features.bring(days)", "", "")
    yield from _decorated("flow", name="backfill", flow_run_name=f"{project} backfill", task_runner=runner)
    yield "def backfill(chunks: list[Days]) -> list[int]:"
    yield '    """All of them, in whatever order they end."""'
    yield from ("    return bring.map(chunks).result()", "")


def _decorated(name: str, /, **given: str | int | bool | Call | Variable) -> Iterator[str]:
    yield from lines(Call(name, keywords=tuple(given.items())), 0, before="@")
