"""One row that waits too long: it is told so, journalled nowhere, and its place is another's."""

from __future__ import annotations

import json
from typing import Any

import pytest
from fastapi.testclient import TestClient
from serving_project import CONFIG, FLAKY, ROW, Project
from sqlmodel import select

from headrace.compiled import ServingConfig, read
from headrace.journal import ship
from headrace.serving import app
from headrace.serving.fast.batched import Batched
from headrace.serving.snapshot import Served, ask_many
from headrace.serving.workspace import open_workspace
from headrace.store.tables import Prediction

HELD = FLAKY.replace(
    "time.sleep(self.delay)",
    """from pathlib import Path

        while self.value == 0.25 and Path(__file__).with_name("held").exists():
            time.sleep(0.005)""",
)
"""The constant model that says 0.25 answers nobody while a file is there."""
CACHE = {"predictions": 10, "seconds": 60.0}


@pytest.mark.parametrize("by", ["cache", "queue"])
def test_one_row_that_waits_too_long_is_told_and_journalled_nowhere(project: Project, by: str) -> None:
    number = project.register_flaky(0.25)
    (project.root / "plugins" / "flaky.py").write_text(HELD, encoding="utf-8")
    project.alias("champion", number)
    cache = {"cache": CACHE} if by == "cache" else {}
    # The place of one is all there is: who comes after is answered only where it was given back.
    limits = {"body": 2**20, "depth": 32, "time": 5.0, "answer": 0.2, "concurrency": 1, "connections": 100}
    project.config.write_text(json.dumps({**CONFIG, "limits": limits, **cache}), encoding="utf-8")
    held = project.root / "plugins" / "held"
    config = read(ServingConfig, project.config)
    plane = app(config, open_workspace(project.config.parent / "headrace.json", config))
    with TestClient(plane) as client:
        if by == "queue":
            _queue(plane.state.server.snapshot.champion)
        held.touch()
        refused = [client.post("/predict", json=ROW) for _ in range(2)]
        assert [(503, "urn:headrace:too-long", "1")] * 2 == [
            (one.status_code, one.json()["type"], one.headers["retry-after"]) for one in refused
        ]
        held.unlink()
        while (answered := client.post("/predict", json=ROW)).status_code == 503:
            pass  # the one that was asked before is still at it
        assert (0.25, 0) == (answered.json()["prediction"], plane.state.server.load.working)
    assert [answered.json()["id"]] == journalled(project)


def _queue(served: Served | None) -> None:
    """A queue, as a version has one whose model answers many rows for little more than one."""
    assert served is not None
    rows: Any = Batched(lambda rows: ask_many(served.single, served.signature, rows, served.answers))
    object.__setattr__(served, "queue", rows)


def journalled(project: Project) -> list[str]:
    ship(project.store, project.spool)
    with project.store.read() as session:
        return [row.id for row in session.exec(select(Prediction)).all()]
