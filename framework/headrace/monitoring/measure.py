"""One look at a model's windows: the full ones are closed with their drift and estimate, and those whose answers are known are judged."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from sqlmodel import Session, col, select

from headrace import registry
from headrace.diagnostics import Diagnostic, HeadraceError
from headrace.hooks import Answers, Metric, Plugins, resolve
from headrace.hooks.limit import within
from headrace.journal import reader
from headrace.monitoring import drift as drifts
from headrace.monitoring import realised, stretch
from headrace.monitoring.estimate import Ask, Reference, estimates
from headrace.monitoring.values import Drift, Performance, Windows
from headrace.registry import Version
from headrace.stats.bins import Profile, count_column
from headrace.store import EventKind, Store, due, events
from headrace.store.tables import Window


@dataclass(frozen=True, slots=True)
class Watch:
    """What is watched of a model: windows of so many `rows`, looked at once `every` so long (the clock's time).

    `delay` is how long after a row's time its answer is known; None where nobody said it.
    """

    model: str
    rows: int
    every: timedelta
    drift: Drift | None = None
    performance: Performance | None = None
    delay: timedelta | None = None


def measure(store: Store, plugins: Plugins, watch: Watch, *, actor: str, run_id: str) -> Windows:
    """Close what is full, judge what is labelled, say when to look next; killed anywhere, the next look goes on from there.

    HeadraceError: `unknown-detector`, `unknown-metric` where no plugin offers what is watched; artifact-altered from the blobs.
    """
    now = store.clock.now()
    closed = _close(store, plugins, watch, actor, now)
    labelled = _label(store, plugins, watch, actor, now)
    with store.transaction(actor, "schedule", f"model/{watch.model}") as session:
        due.put(session, watch.model, "monitor", now + watch.every, "the windows are looked at again")
    with store.read() as session:
        last = session.exec(select(Window).where(Window.model == watch.model).order_by(col(Window.number).desc()).limit(1)).first()
    return Windows(watch.model, run_id, closed, labelled, _summary(last))


def _summary(last: Window | None) -> dict[str, object]:
    """The newest window in short, for a person who looks at the run."""
    if last is None:
        return {"windows": 0}
    told = _closed(last)
    return {
        "windows": last.number,
        "latest": {key: told[key] for key in ("window", "end", "drift", "drifted", "failed", "estimate", "unseen_share")},
    }


def _close(store: Store, plugins: Plugins, watch: Watch, actor: str, now: datetime) -> list[int]:
    """Measure the windows that are new and write them all at once, each with its event."""
    found: list[Window] = []
    asks: list[Ask] = []
    with store.read() as session:
        references = _References(store, session, watch.model)
        for rows in stretch.new(session, watch.model, watch.rows, references.answers):
            version = references.champion or rows.main_version
            found.append(_window(watch, rows, version, _drift(plugins, watch.drift, references, rows, version)))
            task = references.answers[rows.main_version].task if rows.main_version in references.answers else "binary"
            asks.append(Ask(rows.number, rows.main_version, rows.answered_by(rows.main_version), task))
        wanted = watch.performance is not None and watch.performance.estimate == "cbpe"
        held_out = {ask.version: references.held_out(ask.version) for ask in asks if wanted}
    if not found:
        return []
    if watch.performance is not None and wanted:
        estimated = estimates(asks, held_out, watch.performance)
        for window in found:
            window.estimate = estimated[window.number]
    with store.transaction(actor, "close windows", f"model/{watch.model}") as session:
        known = set(session.exec(select(Window.number).where(Window.model == watch.model, col(Window.number) >= found[0].number)))
        fresh = [window for window in found if window.number not in known]
        for window in fresh:
            session.add(window)
            events.append(session, model=watch.model, kind=EventKind.WINDOW_CLOSED, payload=_closed(window), at=now)
        return [window.number for window in fresh]


class _References:
    """What a model's versions looked like when they were trained; each is read once."""

    def __init__(self, store: Store, session: Session, model: str) -> None:
        self._store = store
        self._versions: Mapping[int, Version] = {version.number: version for version in registry.versions(session, model)}
        self._profiles: dict[int, Profile | None] = {}
        self.answers = {number: Answers.of(version.manifest) for number, version in self._versions.items()}
        self.champion = registry.aliases(session, model).get(registry.CHAMPION)

    def profile(self, version: int) -> Profile | None:
        """The bins of the training rows; None where the version has none."""
        if version not in self._profiles:
            data = self._part(version, "profile")
            self._profiles[version] = None if data is None else Profile.from_json(json.loads(data))
        return self._profiles[version]

    def held_out(self, version: int) -> Reference | None:
        """The rows that training did not see, with the answer and the prediction."""
        data = self._part(version, "reference")
        return None if data is None else Reference(data, str(self._versions[version].manifest["target"]))

    def _part(self, version: int, part: str) -> bytes | None:
        found = self._versions.get(version)
        digest = None if found is None else found.manifest.get(part)
        return None if digest is None else self._store.blobs.get(digest)


def _drift(plugins: Plugins, settings: Drift | None, references: _References, rows: stretch.Stretch, version: int) -> dict[str, Any] | None:
    if settings is None:
        return None
    if settings.method not in plugins.detectors:
        known = ", ".join(sorted(plugins.detectors))
        raise HeadraceError(
            Diagnostic("unknown-detector", f"no plugin offers the detector `{settings.method}`", help=f"there are: {known}")
        )
    detector = plugins.detectors[settings.method]
    compare = partial(within, detector.seconds, resolve(detector.compare))
    profile = references.profile(version)
    if profile is None:
        nothing = drifts.judge(compare, {}, {}, settings)
        return nothing | {"reference": version, "reason": f"v{version} has no profile of its training rows"}
    return drifts.judge(compare, profile.reference(), _counts(profile, rows, version), settings) | {"reference": version}


def _counts(profile: Profile, rows: stretch.Stretch, version: int) -> dict[str, Any]:
    """The rows of each feature by bin, or why they could not be counted: one whose type has changed since must not hold up the rest."""
    import pandas as pd

    inputs = rows.frame([name for name in profile.columns if name != drifts.PREDICTION])
    # Another version's answers would be told from this one's, which is no drift.
    answers = pd.Series(rows.answered_by(version))
    found: dict[str, Any] = {}
    for name, bins in profile.columns.items():
        try:
            found[name] = count_column(bins, answers if name == drifts.PREDICTION else inputs[name])
        except (TypeError, ValueError) as error:
            was = "category" if bins.type == "category" else "number"
            found[name] = f"it was a {was} when v{version} was trained, and is none in this window: {error}"
    return found


def _window(watch: Watch, rows: stretch.Stretch, version: int, drift: dict[str, Any] | None) -> Window:
    return Window(
        model=watch.model,
        number=rows.number,
        first_seq=rows.seqs[0],
        last_seq=rows.seqs[-1],
        start=rows.start,
        end=rows.end,
        n=len(rows.seqs),
        version=version,
        drift=drift,
        unseen_share=sum(rows.unseen) / len(rows.unseen),
    )


def _closed(window: Window) -> dict[str, Any]:
    """What the log says of a window that was closed."""
    drift, estimate = window.drift, window.estimate
    return {
        "window": window.number,
        "n": window.n,
        "start": window.start.isoformat(),
        "end": window.end.isoformat(),
        "version": window.version,
        "unseen_share": window.unseen_share,
        "drift": None if drift is None else {key: drift[key] for key in ("share", "max", "critical")},
        "drifted": [] if drift is None else [item["feature"] for item in drifts.drifted(drift)],
        "failed": {} if drift is None else drifts.failed(drift),
        "estimate": None if estimate is None else {key: estimate[key] for key in ("metric", "value", "status", "reason")},
    }


def _label(store: Store, plugins: Plugins, watch: Watch, actor: str, now: datetime) -> list[int]:
    """Judge the windows whose answers are known: 95 % of them, or as many as there are once their delay has passed."""
    settings = watch.performance
    if settings is None:
        return []
    if settings.metric not in plugins.metrics:
        advice = f"there are: {', '.join(sorted(plugins.metrics))}"
        raise HeadraceError(Diagnostic("unknown-metric", f"no plugin offers the metric `{settings.metric}`", help=advice))
    metric = plugins.metrics[settings.metric]
    with store.read() as session:
        of = {version.number: Answers.of(version.manifest) for version in registry.versions(session, watch.model)}
        measured = {
            window.number: _performance(session, watch, window, metric=metric, of=of, now=now)
            for window in _unlabelled(session, watch.model)
        }
    fresh = {number: performance for number, performance in measured.items() if performance is not None}
    if not fresh:
        return []
    labelled: list[int] = []
    with store.transaction(actor, "label windows", f"model/{watch.model}") as session:
        for window in _unlabelled(session, watch.model):
            if window.number not in fresh or window.performance == fresh[window.number]:
                continue
            window.performance = fresh[window.number]
            session.add(window)
            if window.performance["status"] == "insufficient_data":
                continue  # recorded, and asked again: answers may be late
            labelled.append(window.number)
            told = {"window": window.number, "start": window.start.isoformat(), "end": window.end.isoformat(), **window.performance}
            events.append(session, model=watch.model, kind=EventKind.WINDOW_LABELLED, payload=told, at=now)
    return labelled


def _unlabelled(session: Session, model: str) -> list[Window]:
    windows: Iterable[Window] = session.exec(select(Window).where(Window.model == model).order_by(col(Window.number)))
    return [window for window in windows if window.performance is None or window.performance["status"] == "insufficient_data"]


def _performance(
    session: Session, watch: Watch, window: Window, *, metric: Metric, of: Mapping[int, Answers], now: datetime
) -> dict[str, Any] | None:
    """The window's performance; None while its answers are waited for."""
    rows = reader.outcomes(session, watch.model, window.first_seq, window.last_seq, now)
    known = sum(value is not None for _, _, value in rows)
    passed = watch.delay is not None and window.end + watch.delay <= now
    if watch.performance is None or not (passed or known >= realised.COVERED * len(rows)):
        return None
    return realised.measure(metric, rows, watch.performance, of)
