"""History served again: the rows and their incidents, the driver of the clock, and what it tells afterwards."""

from headrace.backtest.driver import Driver
from headrace.backtest.history import History, history
from headrace.backtest.summary import summarise

__all__ = ["Driver", "History", "history", "summarise"]
