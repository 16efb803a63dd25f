"""A small project whose history is replayed: CSV files, and the specs that name them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from headrace.backtest import History, history
from headrace.compiled import InputConfig, SourceConfig
from headrace.diagnostics import Report
from headrace.hooks import load_plugins
from headrace.spec.backtest import Backtest
from headrace.spec.model import Model

MODEL = Model.model_validate(
    {
        "kind": "model",
        "name": "buys",
        "features": {
            "entity": "visit",
            "time": "seen",
            "target": {"column": "bought", "delay": "10d"},
            "rows": "visits",
            "use": {"visit": "all"},
        },
        "training": {"algorithm": "lightgbm.classifier"},
        "gates": ({"id": "quality", "metric": "roc_auc", "min": 0.6},),
    }
)
REPLAY = {"source": "later", "labels": "answers", "from": 2016, "to": 2018, "spread": "year", "order": "file"}


def source(uri: str, **columns: tuple[str, str]) -> SourceConfig:
    """A source of columns, each by its name in the file and its type."""
    declared = {name: {"from": inside, "type": kind} for name, (inside, kind) in columns.items()}
    return SourceConfig.model_validate({"uri": uri, "columns": declared, "arrival": None, "fresh_within_seconds": None, "checks": ()})


SOURCES = {
    "later": source("later.csv", visit=("visit", "int64"), code=("CODE", "category"), pages=("pages", "float"), year=("year", "int64")),
    "answers": source("answers.csv", visit=("visit", "int64"), bought=("bought", "int64")),
}
INPUTS = (
    InputConfig(name="kind", column="code", view=None, type="category", low=None, high=None),
    InputConfig(name="pages", column="pages", view=None, type="number", low=None, high=None),
)
"""The model calls the column `code` its input `kind`."""


def write(root: Path) -> None:
    """Twelve visits in 2016 and as many in 2017, one a month; every sixth has no code, every second buys. The file begins with 2017."""
    later = [f"{i},{'' if i % 6 == 5 else 'ab'[i % 2]},{i / 2},{2016 + i // 12}" for i in (*range(12, 24), *range(12))]
    (root / "later.csv").write_text("\n".join(["visit,CODE,pages,year", *later]), encoding="utf-8")
    (root / "answers.csv").write_text("\n".join(["visit,bought", *(f"{i},{i % 2}" for i in reversed(range(24)))]), encoding="utf-8")


def backtest(*disturb: dict[str, Any], **replay: Any) -> Backtest:
    disturb = tuple({**item, "columns": tuple(item["columns"])} for item in disturb)
    told = {"kind": "backtest", "name": "two-years", "model": "buys", "replay": {**REPLAY, **replay}, "disturb": disturb}
    return Backtest.model_validate(told)


def read(root: Path, wanted: Backtest, rows: int | None = None, sources: dict[str, SourceConfig] = SOURCES) -> History:
    return history(root, sources, load_plugins(None, Report()).readers, wanted, MODEL, views={}, inputs=INPUTS, rows=rows)
