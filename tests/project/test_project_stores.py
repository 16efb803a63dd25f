"""What validate says of a store's address is what opening it would say."""

from __future__ import annotations

from pathlib import Path

import pytest

from headrace.diagnostics import HeadraceError
from headrace.project.rules.environments import refusal
from headrace.store.engine import connect


@pytest.mark.parametrize(
    "url",
    [
        "sqlite:///state.db",
        "sqlite:////tmp/state.db",
        "sqlite://",
        "sqlite:///",
        "sqlite:///:memory:",
        "sqlite+pysqlite:///state.db",
        "postgresql://me@here/database",
        "postgresql+psycopg://me@here/database",
        "postgres://me@here/database",
        "http://mlflow.example:5000",
        "mysql://me@here/database",
        "s3://bucket/state",
        "mlflow-artifacts:/state",
        "mlflow-artifacts://state",
        ".headrace/state.db",
        "/var/state.db",
        "state",
        "",
    ],
)
def test_validate_and_the_store_refuse_the_same(url: str, tmp_path: Path) -> None:
    said = None
    try:
        connect(url, tmp_path).dispose()
    except HeadraceError as error:
        said = error.report.found[0].message
    assert said == refusal(url)
