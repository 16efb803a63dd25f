"""A user's own look at a candidate before the gates: what it notes is kept, what it raises ends the run."""

from __future__ import annotations

import io
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from headrace import registry
from headrace.diagnostics import Diagnostic, HeadraceError
from headrace.hooks.own import call_own
from headrace.store import Store
from headrace.training.values import Candidate


def inspect(store: Store, candidate: Candidate, *, root: Path, id: str, python: str, params: Mapping[str, Any]) -> dict[str, Any]:  # noqa: A002 - the spec's word
    """What `python` notes of a candidate and its held-out rows (with `prediction`), as JSON; the candidate itself stays as registered.

    HeadraceError `step-failed` where it raises, or gives what is neither None nor a mapping of text to JSON values.
    """
    import pandas as pd

    what = f"step `{id}` of model/{candidate.model}"
    with store.read() as session:
        version = registry.get(session, candidate.model, candidate.number)
    held = pd.read_parquet(io.BytesIO(store.blobs.get(version.manifest["reference"])))
    given = call_own(root, python, what, params, candidate, held)
    if given is None:
        return {}
    if not isinstance(given, Mapping):
        raise _unkept(f"{what}: `{python}`: it gave {type(given).__name__}, and neither None nor a mapping")
    try:
        notes: dict[str, Any] = json.loads(json.dumps(dict(given), allow_nan=False))
    except (TypeError, ValueError) as error:
        raise _unkept(f"{what}: `{python}`: its notes cannot be kept: {error}") from None
    return notes


def _unkept(message: str) -> HeadraceError:
    return HeadraceError(Diagnostic("step-failed", message, help="give None, or a mapping of text to numbers, texts and lists of them"))
