"""The candidate answers the project's golden requests as they are to be answered: the few rows of which nobody may be surprised.

The requests are encoded as a server encodes them, and are kept with the verdict: a server asks them again before the version answers.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, ConfigDict, Field

from headrace.hooks import Answers, Gate, HeldOut, NoAnswer, Ruling
from headrace.hooks.answers import TASKS
from headrace.hooks.golden import Golden, Said, read_golden, replayed

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

_TOLD = 10


class Params(BaseModel):
    """The parameters of `golden`."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    file: str = Field(min_length=1, description="The file of golden requests, in the project's folder.", examples=["golden/churn.json"])
    max: int = Field(default=0, ge=0, description="How many of them may be answered otherwise.", examples=[0])


def judge(held_out: HeldOut, params: Params, *, seed: int) -> Ruling:
    """How many golden requests are answered otherwise; a file that is none, or has no request, fails."""
    del seed
    if held_out.file is None or held_out.ask is None or held_out.signature is None:
        return Ruling(passed=False, reason="there is no candidate to ask, or no project to read from")
    try:
        data, kept = held_out.file(params.file)
        golden = read_golden(data)
    except ValueError as error:
        return Ruling(passed=False, reason=f"{params.file} cannot be replayed: {error}", threshold=float(params.max))
    given = _asked(held_out, golden)
    off = list(replayed(golden, given, held_out.answers, held_out.signature))
    n = len(golden.requests)
    reason = f"{len(off):,} of {n:,} golden requests are answered otherwise, and at most {params.max:,} may"
    if off:
        reason += f": {off[0].id}: {off[0].says}"
    evidence: dict[str, Any] = {"file": params.file, "digest": kept, "tolerance": golden.tolerance, "requests": n, "max": params.max}
    evidence["off"] = [{"id": one.id[:80], "says": one.says[:200]} for one in off[:_TOLD]]
    return Ruling(passed=len(off) <= params.max, reason=reason, value=float(len(off)), threshold=float(params.max), n=n, evidence=evidence)


def _asked(held_out: HeldOut, golden: Golden) -> list[Said]:
    """The answer to each request: all at once, and where that fails one by one, so that only the bad ones have none."""
    assert held_out.ask is not None  # noqa: S101 - `judge` looked
    rows = [request.inputs for request in golden.requests]
    try:
        return _said(held_out.ask(rows), held_out.answers)
    except NoAnswer:
        found: list[Said] = []
        for row in rows:
            try:
                found += _said(held_out.ask([row]), held_out.answers)
            except NoAnswer as why:
                found.append(str(why))
        return found


def _said(given: NDArray[np.float64], answers: Answers) -> list[Said]:
    if not answers.keys:
        return [float(value) for value in given]
    values: Sequence[Sequence[float]] = given.tolist()
    return [dict(zip(answers.keys, row, strict=True)) for row in values]


GATE = Gate(name="golden", judge=f"{__name__}:judge", params=f"{__name__}:Params", asks=("candidate", "files"), tasks=TASKS)
