"""A pandera schema that a check names: asked of all rows at once, and its findings told as those of any check are."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import TYPE_CHECKING, Any

from headrace.diagnostics import Diagnostic, HeadraceError
from headrace.features.checks.checked import HIDDEN
from headrace.hooks.aside import aside
from headrace.hooks.own import own_function

if TYPE_CHECKING:
    import pandas as pd

_HELP = "correct the schema: a pandera DataFrameSchema or DataFrameModel"


def broken(
    root: Path, python: str, said: str, frame: pd.DataFrame, *, hidden: frozenset[str], most: int
) -> tuple[int, list[dict[str, Any]]]:
    """How many rows break a schema (one at least, where it is the whole that does), and some of what it found.

    HeadraceError `pandera-missing`; `check-failed` where there is no such schema, or it raises what is no finding.
    """
    if importlib.util.find_spec("pandera") is None:
        message = f"{said} names a pandera schema, and pandera is not installed"
        raise HeadraceError(Diagnostic("pandera-missing", message, help="type `pip install pandera`"))
    from pandera.errors import SchemaError, SchemaErrors

    try:
        with aside():
            schema = own_function(root, python, said)
            schema.validate(frame.copy(), lazy=True)  # type: ignore[attr-defined]
    except SchemaErrors as error:
        return _found(error.failure_cases, hidden, most)
    except SchemaError as error:
        return 1, [{"check": str(error.check)}]
    except HeadraceError as error:
        told = next(iter(error.report))
        raise HeadraceError(Diagnostic("check-failed", told.message, told.span, help=_HELP)) from error
    except (Exception, SystemExit) as error:
        why = (
            f"`{python}` is no pandera schema"
            if isinstance(error, AttributeError)
            else f"`{python}` raised {type(error).__name__}: {error}"
        )
        raise HeadraceError(Diagnostic("check-failed", f"{said}: {why}", help=_HELP)) from error
    return 0, []


def _found(cases: pd.DataFrame, hidden: frozenset[str], most: int) -> tuple[int, list[dict[str, Any]]]:
    rows = cases["index"].dropna()
    sample = []
    for _, case in cases.head(most).iterrows():
        column = str(case["column"])
        value = HIDDEN if column in hidden else str(case["failure_case"])
        sample.append({"column": column, "check": str(case["check"]), "value": value})
    return max(1, int(rows.nunique())), sample
