"""What features and checks load: neither the store's libraries nor any of machine learning, and the engine only once rows are asked for."""

import json
import subprocess
import sys

HEAVY = {"numpy", "scipy", "pandas", "pyarrow", "duckdb", "sklearn", "lightgbm", "sqlalchemy", "sqlmodel", "alembic", "prefect", "fastapi"}
TELL = f"\nimport json, sys; print(json.dumps(sorted({HEAVY!r} & set(sys.modules))))"
CHECKING = """
import sys
from datetime import UTC, datetime
from pathlib import Path
from headrace.compiled import SourceConfig
from headrace.features import Origins, check
source = SourceConfig.model_validate_json(sys.argv[2])
found = check(Origins(Path(sys.argv[1]), {"people": source}, {}), ["people"], at=datetime(2021, 1, 1, tzinfo=UTC))
assert [True, True] == [item.passed for item in found], found
"""


def loaded(code, *given):
    """The heavy libraries that stand in a process of its own after this code."""
    return json.loads(subprocess.run([sys.executable, "-c", code + TELL, *given], stdout=subprocess.PIPE, text=True, check=True).stdout)


def test_features_and_checks_are_imported_without_a_heavy_library():
    assert [] == loaded("import headrace.features, headrace.features.checks, headrace.features.versions, headrace.features.show")


def test_checking_a_source_takes_the_engine_alone(tmp_path, people, source):
    people.astype({"seen": "datetime64[us, UTC]"}).to_parquet(tmp_path / "people.pq", index=False)
    empty = {"column": None, "low": None, "high": None, "values": (), "columns": (), "text": None, "mode": "block"}
    ages = {**empty, "id": "ages", "says": "range", "column": "age", "low": 0, "high": 120}
    once = {**empty, "id": "once", "says": "unique", "columns": ("id",)}
    told = {**source.to_json(), "checks": (ages, once)}
    assert ["duckdb"] == loaded(CHECKING, tmp_path, json.dumps(told))
