"""Metrics of several workers are one answer, whichever of them is asked, and outlive those that are gone."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from headrace.serving.fleet import told
from headrace.serving.fleet.measured import retire
from headrace.serving.measures import Measures

WORKER = """
import sys
from headrace.serving.measures import Measures
measures = Measures("churn")
for _ in range(int(sys.argv[1])):
    measures.answered("champion", 1, 0.003, failed=False)
measures.altered(int(sys.argv[2]))
print(measures.text(spool=None, unflushed=int(sys.argv[1]), ages={}).decode())
"""


@pytest.fixture
def where(tmp_path: Path) -> Path:
    (tmp_path / "metrics").mkdir()
    return tmp_path


def worker(where: Path, rows: int, refused: int = 0) -> tuple[int, str]:
    """A worker that answered so many rows; its process number, and what it tells at its end."""
    environment = {**os.environ, told.METRICS: str(where / "metrics")}
    command = [sys.executable, "-c", WORKER, str(rows), str(refused)]
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True) as process:
        said, _ = process.communicate(timeout=60)
    assert 0 == process.returncode
    return process.pid, said


def value(text: str, metric: str) -> float:
    (found,) = re.findall(rf"^{metric}(?:{{[^}}]*}})? (\S+)$", text, re.MULTILINE)
    return float(found)


def test_any_worker_tells_the_counts_of_all(where: Path) -> None:
    worker(where, 3, refused=2)
    _, said = worker(where, 4)
    assert (7.0, 7.0, 2.0, 7.0) == (
        value(said, "headrace_predictions_total"),
        value(said, "headrace_prediction_seconds_count"),
        value(said, "headrace_refused_versions"),
        value(said, "headrace_unflushed"),
    )


def test_what_one_that_is_gone_counted_stays_and_what_it_was_goes(where: Path) -> None:
    for rows in (3, 4):
        pid, _ = worker(where, rows, refused=1)
        retire(where / "metrics", pid)
    _, said = worker(where, 5)
    assert (12.0, 12.0, 0.0, 5.0) == (
        value(said, "headrace_predictions_total"),
        value(said, "headrace_prediction_seconds_count"),
        value(said, "headrace_refused_versions"),
        value(said, "headrace_unflushed"),
    )
    assert 6 >= len(list((where / "metrics").glob("*.db")))


def test_the_fleet_itself_is_told(where: Path) -> None:
    workers = [{"state": "ready"}, {"state": "ready"}, {"state": "starting"}]
    told.write(where, {"workers": workers, "wanted": 3, "replaced": {"memory": 2}})
    _, said = worker(where, 1)
    assert 'headrace_workers{model="churn",state="ready"} 2.0' in said
    assert 3.0 == value(said, "headrace_workers_wanted")
    assert 'headrace_workers_replaced_total{model="churn",why="memory"} 2.0' in said


def test_one_that_is_alone_tells_its_own() -> None:
    assert told.METRICS not in os.environ
    measures = Measures("churn")
    measures.answered("champion", 1, 0.003, failed=False)
    text = measures.text(spool=7, unflushed=0, ages={}).decode()
    assert (1.0, 7.0, False) == (value(text, "headrace_predictions_total"), value(text, "headrace_spool_bytes"), "headrace_workers" in text)
