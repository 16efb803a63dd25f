"""A small project with a trained champion, and what orders a batch of it: no flow, no server."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import pandas as pd

from headrace import registry
from headrace.compiled import ColumnConfig, PluginsConfig, SourceConfig, WorkspaceConfig
from headrace.diagnostics import Report
from headrace.hooks import Input as ModelInput
from headrace.hooks import Signature, load_plugins, resolve
from headrace.steps.batch import column
from headrace.steps.batch.carry import Order
from headrace.steps.batch.input import Input
from headrace.steps.batch.rows import Asks
from headrace.steps.workspace import Workspace, open_workspace
from headrace.store import Store, digest

AT = datetime(2026, 1, 1, tzinfo=UTC)
LOW, HIGH = -100.0, 100.0
CATEGORIES = ("a", "b", "c")
SIGNATURE = Signature((ModelInput("x", "number", low=LOW, high=HIGH), ModelInput("c", "category", categories=CATEGORIES, missing=False)))
PARTS = ("data", "spec", "code", "environment")


MEMORY = Path("/dev/shm")  # noqa: S108 - each part is brought to the disk, which takes long where others write


def folder() -> TemporaryDirectory[str]:
    """A folder that goes away, in memory where there is some."""
    return TemporaryDirectory(dir=MEMORY if MEMORY.is_dir() and os.access(MEMORY, os.W_OK) else None)


def source(path: Path | str, **types: str) -> SourceConfig:
    """A source of the columns `id`, `x` and `c`, of which the type may be another one."""
    kinds = {"id": "int64", "x": "float", "c": "category"} | types
    return SourceConfig(
        uri=str(path),
        columns={name: ColumnConfig(from_=name, type=kind) for name, kind in kinds.items()},  # type: ignore[arg-type]
        arrival=None,
        fresh_within_seconds=None,
        checks=(),
    )


def make(root: Path, algorithm: str = "lightgbm.classifier") -> None:
    """The project: compiled, with version 1 of model/churn as champion."""
    config = WorkspaceConfig(
        project="shop",
        language=1,
        environment="dev",
        production=False,
        store="sqlite:///state.db",
        blobs="blobs",
        spool=".headrace/spool",
        plugins=PluginsConfig(allow=(), deny=()),
        sources={},
        views={},
        channels={},
        models=("churn",),
    )
    (root / "flows").mkdir(parents=True)
    (root / "flows" / "headrace.json").write_text(json.dumps(config.to_json()))
    store = Store.open("sqlite:///state.db", "blobs", root=root)
    version(store, algorithm, seed=7)
    promote(store, 1)
    store.close()


def version(store: Store, algorithm: str = "lightgbm.classifier", seed: int = 7, **told: Any) -> registry.Version:
    """One more version, trained on rows that the seed deals; its manifest says what is `told`."""
    known = load_plugins(None, Report(), allow=[]).algorithms[algorithm]
    draw = np.random.default_rng(seed)
    matrix = np.column_stack([draw.uniform(LOW, HIGH, 400), draw.integers(0, 3, 400).astype(float)])
    target = (matrix[:, 0] + 20 * matrix[:, 1] + draw.normal(0, 30, 400) > 0).astype(float)
    predictor = resolve(known.fit)(matrix, target, signature=SIGNATURE, params=resolve(known.params)(), seed=seed)
    manifest = {"signature": SIGNATURE.to_json(), "digests": {part: digest(part.encode()) for part in PARTS}, "metrics": {}, "seed": seed}
    manifest |= told
    return registry.register(
        store,
        actor="test",
        model="churn",
        run_id=f"r{seed}",
        manifest=manifest,
        model_bytes=resolve(known.save)(predictor),
        algorithm=algorithm,
        format=known.format,
        at=AT,
    )


def promote(store: Store, number: int) -> None:
    """Make a version the champion."""
    with store.transaction("test", "promote", "model/churn") as session:
        registry.promote(session, model="churn", number=number, at=AT, reason="good")


@contextmanager
def opened() -> Iterator[Workspace]:
    """The project in a folder that goes away, open."""
    with folder() as name:
        make(Path(name).resolve())
        with open_workspace(Path(name).resolve() / "flows" / "headrace.json", "test") as place:
            yield place


def order(config: SourceConfig, output: str, **instead: Any) -> Order:
    """A batch of a source that stands nowhere else."""
    names = tuple((name, item.from_) for name, item in config.columns.items())
    asks = {name: Asks(name, column(config, name)) for name in ("x", "c")}
    made = Order(model="churn", input=Input(config, "rows", "source/rows", names), key=column(config, "id"), inputs=asks, output=output)
    return replace(made, **instead)


def rows(number: int, seed: int = 1) -> pd.DataFrame:
    """So many rows, each sound."""
    draw = np.random.default_rng(seed)
    chosen = [CATEGORIES[at] for at in draw.integers(0, 3, number)]
    return pd.DataFrame({"id": np.arange(number), "x": draw.uniform(LOW, HIGH, number), "c": chosen})


def alone(place: Workspace, frame: pd.DataFrame) -> list[float]:
    """What the champion answers to each row when it is asked for it alone."""
    with place.store.read() as session:
        found = registry.find(session, "churn", "champion")
    loaded = registry.load(place.store, place.plugins, found)
    told = [loaded.signature.encode_row({"x": x, "c": c})[0] for x, c in zip(frame["x"], frame["c"], strict=True)]
    return [float(loaded.predictor.predict(loaded.signature.matrix([row]))[0]) for row in told]


def left(place: Workspace) -> list[str]:
    """What runs have left behind."""
    kept = place.root / ".headrace" / "batch"
    return sorted(path.name for path in kept.iterdir()) if kept.exists() else []
