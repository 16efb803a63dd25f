"""A store with a champion whose predictions and answers a test writes as the shipper would."""

from __future__ import annotations

import io
import json
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pandas as pd
from sqlmodel import insert, select

from headrace import registry
from headrace.hooks import Plugins
from headrace.monitoring import Alert, Alerts, Drift, Performance, Windows, alerts, measure
from headrace.stats import bins
from headrace.store import EventKind, Store, clock, events
from headrace.store.tables import Event, Outcome, Prediction, Window

START = datetime(2016, 1, 1, tzinfo=UTC)
DAY = timedelta(days=1)
MODEL = "employment"


def chance(age: Any, grade: Any) -> Any:
    """What is true of the world, and what the model knows."""
    return 1 / (1 + np.exp(-(np.asarray(age) - 45) / 6 - np.where(np.asarray(grade) == "b", 1.0, -1.0)))


@dataclass
class World:
    """A store with one champion, whose predictions and answers a test writes as the shipper would."""

    store: Store
    plugins: Plugins
    rng: np.random.Generator = field(default_factory=lambda: np.random.default_rng(7))
    sent: int = 0
    at: datetime = START

    def rows(self, n: int, shift: float = 0.0) -> pd.DataFrame:
        frame = pd.DataFrame({"age": self.rng.normal(45 + shift, 12, n), "grade": self.rng.choice(["a", "b", "c"], n, p=[0.5, 0.3, 0.2])})
        frame["prediction"] = chance(frame["age"], frame["grade"])
        frame["target"] = (self.rng.random(n) < frame["prediction"]).astype(int)
        return frame

    def champion(self, rows: int = 5000, *, profile: bool = True, reference: bool = True) -> registry.Version:
        blobs = self.store.blobs
        made = bins.profile({"age": "number", "grade": "category", "prediction": "number"}, self.rows(rows))
        held = io.BytesIO()
        self.rows(rows).rename(columns={"target": "employed"}).to_parquet(held)
        manifest = {
            "target": "employed",
            "as_of": START.isoformat(),
            "signature": [],
            "digests": dict.fromkeys(("data", "spec", "code", "environment"), blobs.put(b"x")),
            "profile": blobs.put(json.dumps(made.to_json()).encode()) if profile else None,
            "reference": blobs.put(held.getvalue()) if reference else None,
        }
        version = registry.register(
            self.store,
            actor="service:train",
            model=MODEL,
            run_id="run",
            manifest=manifest,
            model_bytes=b"model",
            algorithm="x",
            format="x",
            at=START,
        )
        with self.store.transaction("service:train", "promote", MODEL) as session:
            registry.promote(session, model=MODEL, number=version.number, at=START, reason="test")
        return version

    def serve(self, frame: pd.DataFrame, *, version: int = 1, unseen: int = 0, known: bool = True, again: bool = False) -> None:
        """Ship predictions, one an hour, with their answers 30 days after each; `again`: of people who were asked about before."""
        predictions, outcomes = [], []
        for position, row in enumerate(frame.to_dict("records")):
            self.sent += 1
            self.at += DAY / 24
            made = prediction(self.sent, self.at, row, version, ["grade"] if position < unseen else [])
            predictions.append(made | {"id": f"again {made['id']}"} if again else made)
            if known:
                outcomes.append({"model": MODEL, "entity": str(self.sent), "value": float(row["target"]), "known_at": self.at + 30 * DAY})
        with self.store.transaction("service:ship", "ship", MODEL) as session:
            session.execute(insert(Prediction), predictions)
            if outcomes:
                session.execute(insert(Outcome), outcomes)

    def drive(self, moment: datetime) -> None:
        clock.drive(self.store, "test", moment)

    def measure(self, *, rows: int = 500, drift: Drift | None = None, performance: Performance | None = None, **more: Any) -> Windows:
        watch = measure.Watch(MODEL, rows, 7 * DAY, drift, performance, **more)
        return measure.measure(self.store, self.plugins, watch, actor="service:monitor", run_id="run")

    def judge(self, windows: Windows, *rules: Alert) -> Alerts:
        return alerts.judge(self.store, windows, rules, actor="service:monitor")

    def windows(self) -> list[Window]:
        with self.store.read() as session:
            return list(session.exec(select(Window).order_by(Window.number)))

    def log(self, *kinds: EventKind) -> list[Event]:
        with self.store.read() as session:
            return events.log(session, MODEL, kinds or None)


def prediction(
    number: int, at: datetime, row: dict[str, Any], version: int = 1, unseen: list[str] | None = None, **other: Any
) -> dict[str, Any]:
    """One row of the table, as the shipper writes it."""
    return {
        "id": f"p{number}",
        "model": MODEL,
        "version": version,
        "arm": "champion",
        "epoch": 1,
        "entity": str(number),
        "at": at,
        "recorded_at": at,
        "latency_us": 100,
        "inputs": {"age": float(row["age"]), "grade": row["grade"]},
        "output": float(row["prediction"]),
        "error": None,
        "unseen": unseen or [],
    } | other
