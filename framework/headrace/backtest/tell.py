"""Reads from the store what a replay left there, and has it summarised."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlmodel import col, func, select

from headrace.backtest.driver import Driver
from headrace.backtest.summary import summarise
from headrace.spec.backtest import Backtest
from headrace.store import Store, events
from headrace.store.tables import Outbox, Prediction, Window


def tell(
    store: Store, backtest: Backtest, model: str, driver: Driver, incidents: Sequence[tuple[str, datetime, datetime | None]]
) -> dict[str, Any]:
    """The summary of a finished replay, as one plain dict."""
    with store.read() as session:
        log = events.log(session, model)
        windows = [window.model_dump() for window in session.exec(select(Window).where(Window.model == model).order_by(col(Window.number)))]
        arms = session.exec(select(Prediction.arm, func.count()).where(Prediction.model == model).group_by(Prediction.arm)).all()
        delivered = session.exec(select(Outbox.status, func.count()).group_by(Outbox.status)).all()
    counts = {
        "requests": driver.sent,
        "answers": driver.answered,
        "journalled": dict(arms),
        "notifications": {str(status): number for status, number in delivered},
        "runs": {flow: sum(run["flow"] == flow for run in driver.runs) for flow in ("train", "roll_out", "monitor")},
    }
    return summarise(backtest, log, windows, incidents=incidents, counts=counts)
