"""A store, a spool's folder, and records to put in it."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from headrace.journal import OutcomeRecord, PredictionRecord
from headrace.store import Store

AT = datetime(2016, 1, 1, tzinfo=UTC)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    opened = Store.open("sqlite:///.headrace/state.db", ".headrace/blobs", root=tmp_path)
    yield opened
    opened.close()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / ".headrace" / "spool" / "employment"


@pytest.fixture
def prediction() -> Callable[..., PredictionRecord]:
    """A prediction about a person; any field may be given."""

    def make(person: int = 1, **given: Any) -> PredictionRecord:
        fields: dict[str, Any] = {
            "id": uuid4().hex,
            "model": "employment",
            "version": 1,
            "arm": "champion",
            "epoch": 1,
            "entity": str(person),
            "at": AT + timedelta(minutes=person),
            "latency_us": 120,
            "inputs": {"age": 46.0, "education": "21"},
            "output": 0.25,
            "error": None,
            "unseen": (),
        }
        return PredictionRecord(**(fields | given))

    return make


@pytest.fixture
def outcome() -> Callable[..., OutcomeRecord]:
    """What turned out of a person 30 days later; any field may be given."""

    def make(person: int = 1, **given: Any) -> OutcomeRecord:
        fields: dict[str, Any] = {
            "model": "employment",
            "entity": str(person),
            "value": 1.0,
            "known_at": AT + timedelta(days=30, minutes=person),
        }
        return OutcomeRecord(**(fields | given))

    return make
