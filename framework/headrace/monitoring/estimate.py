"""Performance before the answers are known: what to ask the CBPE process, and what its answer, or its failure, means for a window."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from headrace.hooks import Task
from headrace.monitoring import cbpe
from headrace.monitoring.values import Performance

if TYPE_CHECKING:
    from numpy.typing import NDArray

TIMEOUT = 1800.0
"""Seconds of wall time that the process may take for all windows of a run."""
FAILED = "estimate-failed"
_LONGEST_REASON = 300


@dataclass(frozen=True, slots=True)
class Ask:
    """One window to estimate: the answers (n,) of the version that answered most of it."""

    number: int
    version: int
    predictions: NDArray[Any]
    task: Task = "binary"


@dataclass(frozen=True, slots=True)
class Reference:
    """A version's held-out rows as parquet: a column `prediction`, and the answers in a column of this name."""

    data: bytes
    target: str


def estimates(
    asks: Sequence[Ask], references: Mapping[int, Reference | None], settings: Performance, *, timeout: float = TIMEOUT
) -> dict[int, dict[str, Any]]:
    """Each window's `estimate`, by number: {metric, version, n, status, value, low, high, sampling_error, reason}.

    `references`: the held-out rows of each version. One process estimates all; it is not
    started when nothing can be asked. `status` is ok, insufficient_data (fewer rows than `min_labels`) or estimate-failed; `value` is
    None but for ok.
    """
    found = {ask.number: _empty(ask, settings.metric) for ask in asks}
    able: list[Ask] = []
    for ask in asks:
        if ask.task != "binary":
            found[ask.number] |= {
                "status": FAILED,
                "reason": f"CBPE estimates from the probability of a yes, and v{ask.version} gives none",
            }
        elif settings.metric not in cbpe.METRICS:
            found[ask.number] |= {"status": FAILED, "reason": f"CBPE cannot estimate {settings.metric}"}
        elif len(ask.predictions) < settings.min_labels:
            found[ask.number] |= {
                "status": "insufficient_data",
                "reason": f"v{ask.version} answered {len(ask.predictions)} rows of it, and {settings.min_labels} are needed",
            }
        elif references.get(ask.version) is None:
            found[ask.number] |= {"status": FAILED, "reason": f"v{ask.version} has no reference of held-out rows"}
        else:
            able.append(ask)
    if able:
        answers = _run(able, references, settings.metric, timeout)
        for ask in able:
            answer = answers[str(ask.number)]
            found[ask.number] |= answer | {"status": "ok" if "value" in answer else FAILED}
    return found


def _empty(ask: Ask, metric: str) -> dict[str, Any]:
    numbers = dict.fromkeys(("value", "low", "high", "sampling_error"))
    return {"metric": metric, "version": ask.version, "n": len(ask.predictions), "reason": None, **numbers}


def _run(asks: Sequence[Ask], references: Mapping[int, Reference | None], metric: str, timeout: float) -> dict[str, dict[str, Any]]:
    import pandas as pd

    with TemporaryDirectory(prefix="headrace-cbpe-") as name:
        folder = Path(name)
        targets = {}
        for version, reference in references.items():
            if reference is not None:
                (folder / f"reference-{version}.parquet").write_bytes(reference.data)
                targets[version] = reference.target
        for ask in asks:
            pd.DataFrame({"prediction": ask.predictions}).to_parquet(folder / f"window-{ask.number}.parquet")
        windows = [{"key": str(ask.number), "version": ask.version, "target": targets[ask.version]} for ask in asks]
        (folder / "request.json").write_text(json.dumps({"metric": metric, "windows": windows}), encoding="utf-8")
        reason = _process(folder, timeout)
        if reason is None:
            answers: dict[str, dict[str, Any]] = json.loads((folder / "result.json").read_text(encoding="utf-8"))
            return answers
    return {str(ask.number): {"reason": reason} for ask in asks}


def _process(folder: Path, timeout: float) -> str | None:
    """Run it to its end; why it failed, if it did."""
    command = [sys.executable, "-m", "headrace.monitoring.cbpe", str(folder)]
    try:
        ended = subprocess.run(  # noqa: S603 - our own module
            command, env={**os.environ, **cbpe.QUIET}, cwd=folder, capture_output=True, text=True, timeout=timeout, check=False
        )
    except subprocess.TimeoutExpired:
        return f"the CBPE process did not end within {timeout:g} s"
    except OSError as error:
        return f"the CBPE process could not be started: {error.strerror}"
    if ended.returncode == 0 and (folder / "result.json").is_file():
        return None
    said = ended.stderr.strip().splitlines()
    return f"the CBPE process ended with {ended.returncode}: {said[-1] if said else 'it said nothing'}"[:_LONGEST_REASON]
