"""A source that the project's own Python makes: called where its rows are wanted, and blamed by name and line."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from headrace.diagnostics import Diagnostic, HeadraceError, Report
from headrace.hooks.aside import aside
from headrace.hooks.own import call_own

if TYPE_CHECKING:
    import pandas as pd

_HELP = "correct the function: it gives a pandas DataFrame or an Arrow table"


def rows(root: Path, name: str, python: str) -> pd.DataFrame:
    """What the function gives, as a frame of its own; HeadraceError `source-failed` where it raises, or gives anything else.

    Whole numbers of an Arrow table stay whole where some are missing. What it prints goes to stderr.
    """
    import pandas as pd

    what = f"source/{name}"
    try:
        with aside():
            given = call_own(root, python, what, {})
    except HeadraceError as error:
        report = Report()
        for fault in error.report:
            report.add(replace(fault, id="source-failed", help=_HELP))
        raise HeadraceError(report) from error
    if isinstance(given, pd.DataFrame):
        frame = given.reset_index(drop=True)
        frame.columns = [str(column) for column in frame.columns]
        if frame.columns.has_duplicates:
            twice = frame.columns[frame.columns.duplicated()][0]
            raise _broken(f"{what}: `{python}` gave two columns `{twice}`")
        return frame
    if hasattr(given, "__arrow_c_stream__"):
        return _from_arrow(given, f"{what}: `{python}`")
    raise _broken(f"{what}: `{python}` gave {'None' if given is None else type(given).__name__}, and no rows")


def _from_arrow(given: Any, said: str) -> pd.DataFrame:  # noqa: ANN401 - whatever speaks Arrow
    import pyarrow as pa

    from headrace.features.source.database import nullable

    try:
        frame: pd.DataFrame = nullable(pa.table(given))
    except Exception as error:  # what stands behind a stream may fail in any way
        raise _broken(f"{said} gave rows that cannot be read: {type(error).__name__}: {error}") from error
    return frame


def _broken(message: str) -> HeadraceError:
    return HeadraceError(Diagnostic("source-failed", message, help=_HELP))
