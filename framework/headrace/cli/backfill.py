"""A backfill on the environment's runner: planned here, its days dealt to the tasks of the compiled flow, and ended here."""

from __future__ import annotations

import importlib.util
import os
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any

from headrace.cli.place import prefect_url
from headrace.cli.view import ended, progress
from headrace.diagnostics import Diagnostic, HeadraceError

if TYPE_CHECKING:
    from headrace.features import Origins
    from headrace.features.online import Definition, Done, Planned, Span
    from headrace.steps import Days
    from headrace.steps.workspace import Workspace
    from headrace.store.lock import Held

_PIECES = 4
"""Into how many pieces a view is dealt for each worker: whoever is done early takes another, and each piece reads the source once."""
_LOOK_SECONDS = 1.0
_EPOCH = date(1970, 1, 1)


def placed(workspace: Workspace, view: str) -> tuple[Origins, Definition, str]:
    """Where a view's rows come from, what is kept of it, and where."""
    from headrace.features import Origins, online

    origins = Origins(workspace.root, workspace.config.sources, workspace.plugins.readers)
    definition = online.definition_of(origins, workspace.config.views, view)
    return origins, definition, online.location(workspace.root, workspace.config.online)


def held(workspace: Workspace, view: str) -> AbstractContextManager[Held]:
    """The right to write a view's events, which one has at a time; HeadraceError `locked`."""
    from headrace.store import lock

    return lock.hold(workspace.store, f"feature_view/{view}", workspace.actor)


def on_runner(workspace: Workspace, views: Sequence[str], span: Span) -> list[Done]:
    """The days of a span of views, by many; HeadraceError `prefect-away`, `runner-store`, `runner-away`, and those of each part."""
    from headrace.features.online import backfill
    from headrace.steps import Days, far

    runner = workspace.config.runner
    if runner is None:
        raise AssertionError(workspace.config)
    url = prefect_url(workspace.root)
    with ExitStack() as stack:
        plans: dict[str, Planned] = {}
        for view in views:
            stack.enter_context(held(workspace, view))
            origins, definition, where = placed(workspace, view)
            far.refuse(runner, workspace.config.environment, where, "online")
            plans[view] = backfill.planned(origins, definition, where, span, pieces=_PIECES * runner.dask.workers)
        parts = [(view, part) for view, plan in plans.items() for part in plan.parts]
        chunks = [Days(view, _day(part.first), _day(part.last), str(workspace.root)) for view, part in parts]
        with _told(workspace, span, plans):
            events = _flow(workspace, url)(chunks) if chunks else []
        done = []
        for view, plan in plans.items():
            brought = [count for (of, _), count in zip(parts, events, strict=True) if of == view]
            origins, definition, where = placed(workspace, view)
            done.append(backfill.finish(origins, definition, where, span, plan=plan, brought=brought))
    return done


def _day(number: int) -> str:
    return (_EPOCH + timedelta(days=number)).isoformat()


def _flow(workspace: Workspace, url: str) -> Callable[[list[Days]], list[int]]:
    """The compiled flow; it finds the project and the server by what this process says of them, and so do its workers."""
    from headrace.compiled import BACKFILL
    from headrace.local.prefect_server import quiet

    path = workspace.root / "flows" / BACKFILL
    if not path.is_file():
        raise HeadraceError(Diagnostic("not-compiled", f"{path} does not exist: it was never compiled", help="type `headrace compile`"))
    os.environ.update(quiet() | {"PREFECT_API_URL": url, "HEADRACE_WORKSPACE": str(workspace.root)})
    os.environ.setdefault("PREFECT_LOGGING_LEVEL", "WARNING")
    spec = importlib.util.spec_from_file_location(path.stem, path)
    if spec is None or spec.loader is None:
        raise AssertionError(path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    flow: Any = module.backfill
    return lambda chunks: list(flow(chunks))


@contextmanager
def _told(workspace: Workspace, span: Span, plans: dict[str, Planned]) -> Iterator[None]:
    """Say on stderr, again and again, how far it is: by the marks of the days, since whoever brings them in is another process."""
    from headrace.features.online import backfill

    places = {view: placed(workspace, view) for view in plans}
    stop = threading.Event()

    def look() -> None:
        while not stop.wait(_LOOK_SECONDS):
            for view, (origins, definition, where) in places.items():
                there, of = backfill.done(definition, origins, where, span), plans[view].before + plans[view].days
                if of:
                    progress(f"feature_view/{view}: {there} of {of} days ({there / of:.0%})")

    thread = threading.Thread(target=look, name="progress", daemon=True)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()
        if sys.stderr.isatty():
            ended("")
