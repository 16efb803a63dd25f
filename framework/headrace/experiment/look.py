"""One look, from the store to what it found."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from sqlmodel import Session

from headrace.experiment.analyse import analyse
from headrace.experiment.analysis import Analysis
from headrace.experiment.declared import Declared
from headrace.experiment.exposure import expose
from headrace.experiment.observe import observe
from headrace.hooks import Plugins
from headrace.store.experimental import Experiment

Looking = Callable[[Session, Experiment, Declared, datetime], Analysis]
"""What finds out how an experiment stands at a moment, within the transaction that acts upon it."""


def looking(plugins: Plugins) -> Looking:
    """By the journal and all that is known by then, as these plugins measure it; what cannot be measured raises, and decides nothing."""

    def look(session: Session, row: Experiment, declared: Declared, at: datetime) -> Analysis:
        expose(session, row, declared)
        return analyse(declared, observe(session, row, declared, at, plugins=plugins), at)

    return look
