"""History served again: the rows and their incidents, the driver of the clock, and what it tells afterwards."""

from headrace.backtest.driver import Driver
from headrace.backtest.history import History, history
from headrace.backtest.tell import tell
from headrace.backtest.votes import Votes

__all__ = ["Driver", "History", "Votes", "history", "tell"]
