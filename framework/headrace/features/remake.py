"""Training rows as a user's own function leaves them; what the gates judge by stays what it was."""

from __future__ import annotations

import io
import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from headrace.diagnostics import Diagnostic, HeadraceError
from headrace.digest import digest
from headrace.features.values import Rows
from headrace.hooks.answers import MOST_RELEVANT
from headrace.hooks.own import call_own, source_of

if TYPE_CHECKING:
    import pandas as pd

    from headrace.store import Store


def remake(store: Store, rows: Rows, *, root: Path, id: str, python: str, params: Mapping[str, Any]) -> Rows:  # noqa: A002 - the spec's word
    """Rows in, rows out: `python` is given the snapshot as a DataFrame and gives the one to train on.

    It may leave out, change and add rows of side `train`. Held-out rows stay as they are, value by value and in their order, so that gates
    judge what the server will answer; columns keep their names and types; no entity stands on both sides. HeadraceError `step-failed` where
    it raises or keeps one of these not. The digest of what was told, and of the module's text, goes into `spec`.
    """
    import pandas as pd

    what = f"step `{id}` of model/{rows.model}"
    before = pd.read_parquet(io.BytesIO(store.blobs.get(rows.digest)))
    after = call_own(root, python, what, params, before.copy(deep=True))
    if not isinstance(after, pd.DataFrame):
        raise _broken(what, python, f"it gave {'None' if after is None else type(after).__name__}, and not a DataFrame")
    after = after.reset_index(drop=True)
    if why := _broken_promise(rows, before, after):
        raise _broken(what, python, why)
    out = io.BytesIO()
    try:
        after[list(before.columns)].to_parquet(out, index=False, compression="zstd")
    except Exception as error:  # a column of objects may hold anything
        raise _broken(what, python, f"its rows cannot be kept: {type(error).__name__}: {error}") from error
    train = int((after["side"] == "train").sum())
    told = digest("\0".join([rows.spec, id, python, json.dumps(dict(params), sort_keys=True), digest(source_of(root, python))]).encode())
    return replace(rows, digest=store.blobs.put(out.getvalue()), rows=len(after), train=train, spec=told)


def _broken(what: str, python: str, why: str) -> HeadraceError:
    return HeadraceError(
        Diagnostic("step-failed", f"{what}: `{python}`: {why}", help="correct the function, or take the step out of `steps`")
    )


def _broken_promise(rows: Rows, before: pd.DataFrame, after: pd.DataFrame) -> str | None:  # noqa: PLR0911 - one line a promise
    """Why what came back cannot be trained on and judged; None where it can."""
    lacking, extra = (sorted(set(a) - set(b)) for a, b in ((before.columns, after.columns), (after.columns, before.columns)))
    if lacking:
        return f"it left out the column `{'`, `'.join(lacking)}`"
    if extra:
        return f"it added the column `{'`, `'.join(map(str, extra))}`, which no request would have: make it a feature"
    if changed := [name for name in before.columns if before[name].dtype != after[name].dtype]:
        return f"it made column `{changed[0]}` {after[changed[0]].dtype}, which was {before[changed[0]].dtype}"
    held, kept = (frame[frame["side"] == "holdout"].reset_index(drop=True) for frame in (before, after))
    if len(held) != len(kept) or not held.equals(kept[list(held.columns)]):
        return "it changed held-out rows, by which the gates judge: change only those whose `side` is `train`"
    train = after[after["side"] == "train"]
    if len(train) + len(kept) != len(after):
        return "it gave rows whose `side` is neither `train` nor `holdout`"
    if train.empty:
        return "it left no row to train on"
    return _apart(rows, before, held, train) or _answers(rows, train)


def _apart(rows: Rows, before: pd.DataFrame, held: pd.DataFrame, train: pd.DataFrame) -> str | None:
    """Why the sides are not apart any more."""
    if rows.group is not None and train[rows.group].isna().any():
        return f"it gave training rows without `{rows.group}`"
    # By time, an entity of many rows stands on both sides from the start; a group never does.
    together = rows.group or rows.entity
    apart = set(held[together]) - set(before.loc[before["side"] == "train", together])
    both = sorted(set(train[together]) & apart, key=str)
    return f"it put the held-out {together} {both[0]} among the training rows as well" if both else None


def _answers(rows: Rows, train: pd.DataFrame) -> str | None:
    """Why a training row's answer is none of the task."""
    answers = train[rows.target]
    if rows.task == "binary" and not answers.isin([0, 1]).all():
        return f"it gave training rows whose `{rows.target}` is neither 0 nor 1"
    if answers.isna().any():
        return f"it gave training rows without `{rows.target}`"
    if rows.task == "ranking" and not answers.isin(range(MOST_RELEVANT + 1)).all():
        return f"it gave training rows whose `{rows.target}` is no whole number from 0 to {MOST_RELEVANT}"
    return None
