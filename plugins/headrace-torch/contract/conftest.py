"""Rows to learn from, parameters that are quick, and a place to look for processes that were left."""

from __future__ import annotations

from pathlib import Path

import psutil
import pytest

from headrace.testing import rows
from headrace_torch import Params

QUICK = {"epochs": 4, "hidden": (16,), "batch_size": 32, "learning_rate": 0.01}


@pytest.fixture
def world() -> rows.Rows:
    return rows.mixed()


@pytest.fixture
def quick():
    return lambda **instead: Params.model_validate(QUICK | instead)


@pytest.fixture
def workers_of():
    """The pids of the workers below a process, or with a folder under another, by their place."""

    def found(parent: int | None = None, under: Path | None = None) -> dict[int, int]:
        among = psutil.process_iter() if parent is None else psutil.Process(parent).children(recursive=True)
        pids = {}
        for process in among:
            try:
                command = " ".join(process.cmdline())
                if f"headrace_torch.worker {under or ''}" in command and process.status() != psutil.STATUS_ZOMBIE:
                    pids[int(process.environ().get("RANK", -1))] = process.pid
            except psutil.Error:
                continue
        return pids

    return found
