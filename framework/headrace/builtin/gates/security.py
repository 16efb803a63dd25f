"""The candidate can be let in: its bytes are those that were registered and run no code, and it answers whatever it is sent.

Nor does it tell whom it was trained on: an attacker who sees its answers can do little better than guess.
"""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from headrace.builtin.gates.hostile import hostile
from headrace.builtin.gates.membership import advantage, losses
from headrace.builtin.gates.ordered import ordered_sample
from headrace.hooks import Gate, HeldOut, NoAnswer, Percentage, Ruling, Sample
from headrace.hooks.inert import Unscannable, pickles

if TYPE_CHECKING:
    from collections.abc import Mapping

    import numpy as np

Kind = Literal["digest", "format", "pickle", "requests", "membership"]
SAFE = (
    "json",
    "lightgbm-text",
    "lightgbm-text-json",
    "skops",
    "headrace-ensemble",
    "headrace-python+skops",
    "headrace-torch-safetensors",
    "xgboost-json",
    "onnx",
    "safetensors",
)
"""Formats that are read as data: whoever reads them runs nothing that stands in them."""
_PACKED = "headrace-model+"
_BATCH = 256


class Params(BaseModel):
    """The parameters of `security`."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    of: tuple[Kind, ...] = Field(
        default=("digest", "format", "pickle", "requests", "membership"), min_length=1, description="What is looked at; all must hold."
    )
    formats: tuple[str, ...] = Field(
        default=SAFE, min_length=1, description="The formats that a model may be stored in: those that are read as data."
    )
    requests: int = Field(default=500, ge=10, le=10_000, description="How many hostile requests the candidate is asked.")
    membership: Percentage = Field(
        default=0.2,
        gt=0,
        le=1,
        description="The greatest advantage in telling training rows by their loss; the interval's upper end must stay within it.",
        examples=["20%"],
    )
    rows: int = Field(default=5000, ge=50, le=100_000, description="How many rows of each side membership is told by at most.")


def judge(held_out: HeldOut, params: Params, *, seed: int) -> Ruling:
    """Whether each thing holds; what cannot be told does not. `value` is the upper end of the advantage, where that was looked at."""
    import numpy as np

    rng = np.random.default_rng(seed)
    found: dict[str, dict[str, Any]] = {}
    for kind in dict.fromkeys(params.of):
        try:
            found[kind] = _one(kind, held_out, params, rng)
        except (NoAnswer, ValueError, Unscannable) as why:
            found[kind] = {"holds": False, "says": str(why)[:300]}
    failed = [kind for kind, said in found.items() if said["holds"] is not True]
    told = "; ".join(f"{kind}: {found[kind]['says']}" for kind in failed)
    reason = f"{len(found) - len(failed)} of {len(found)} hold" + (f"; {told}" if failed else f": {', '.join(found)}")
    member: Mapping[str, Any] = found.get("membership", {})
    return Ruling(
        passed=not failed,
        reason=reason,
        value=member.get("high"),
        low=member.get("low"),
        high=member.get("high"),
        threshold=params.membership if member else None,
        n=len(held_out.target),
        evidence=found,
    )


def _one(kind: Kind, held_out: HeldOut, params: Params, rng: np.random.Generator) -> dict[str, Any]:
    match kind:
        case "digest":
            return _digest(held_out)
        case "format":
            return _format(held_out, params)
        case "pickle":
            return _pickle(held_out)
        case "requests":
            return _requests(held_out, params, rng)
        case "membership":
            return _membership(held_out, params, rng)


def _digest(held_out: HeldOut) -> dict[str, Any]:
    stored = held_out.artifact
    if stored is None:
        raise ValueError("the stored model is not here")
    told = {"recorded": stored.recorded, "found": stored.found, "manifest": stored.manifest_recorded}
    if stored.found != stored.recorded:
        return {"holds": False, "says": f"the bytes have the digest {stored.found}, and {stored.recorded} is recorded", **told}
    if stored.manifest_found != stored.manifest_recorded:
        return {"holds": False, "says": "the manifest is not the one that was registered", **told}
    return {"holds": True, "says": "the bytes and the manifest are those that were registered", **told}


def _format(held_out: HeldOut, params: Params) -> dict[str, Any]:
    stored = held_out.artifact
    if stored is None:
        raise ValueError("the stored model is not here")
    inner = stored.format.removeprefix(_PACKED)
    if inner not in params.formats:
        return {"holds": False, "says": f"`{stored.format}` is none of the formats that may be stored", "format": stored.format}
    return {"holds": True, "says": f"`{stored.format}` is read as data", "format": stored.format}


def _pickle(held_out: HeldOut) -> dict[str, Any]:
    stored = held_out.artifact
    if stored is None:
        raise ValueError("the stored model is not here")
    if not stored.data:
        raise ValueError("the stored model has no bytes")
    found = [str(one) for one in pickles(stored.data)][:5]
    says = f"{found[0]}: whoever reads it runs what it says" if found else f"none in {len(stored.data):,} bytes"
    return {"holds": not found, "says": says, "found": found, "bytes": len(stored.data)}


def _requests(held_out: HeldOut, params: Params, rng: np.random.Generator) -> dict[str, Any]:
    """Each request that is not answered is one that a server answers with 5xx."""
    if held_out.ask is None or held_out.signature is None:
        raise ValueError("there is no candidate to ask")
    asked = list(hostile(held_out.signature, params.requests, rng))
    bad: list[str] = []
    for start in range(0, len(asked), _BATCH):
        batch = asked[start : start + _BATCH]
        try:
            held_out.ask(batch)
        except NoAnswer:
            for request in batch:
                try:
                    held_out.ask([request])
                except NoAnswer as why:
                    bad.append(f"{_shown(request)}: {why}"[:300])
    says = f"{len(bad):,} of {len(asked):,} hostile requests have no answer" + (f", such as {bad[0]}" if bad else "")
    return {"holds": not bad, "says": says, "asked": len(asked), "unanswered": len(bad), "such_as": bad[:3]}


def _shown(request: Mapping[str, Any]) -> str:
    return ", ".join(f"{name}={value!r:.40}" for name, value in list(request.items())[:4])


def _membership(held_out: HeldOut, params: Params, rng: np.random.Generator) -> dict[str, Any]:
    if held_out.ask is None or held_out.training is None or held_out.known is None:
        raise ValueError("the training rows are not here")
    sides = []
    for sample in (held_out.training, held_out.known):
        some = _some(ordered_sample(sample), params.rows, rng)
        sides.append(losses(held_out.answers, some.target, held_out.ask(some.rows)) if len(some.target) else some.target)
    found = advantage(sides[0], sides[1], rng)
    holds = found.high <= params.membership
    says = f"the advantage in telling training rows is {found.value:.3f} ({found.low:.3f} to {found.high:.3f})"
    return {"holds": holds, "says": f"{says}, and at most {params.membership:.10g} is allowed", **asdict(found), "max": params.membership}


def _some(sample: Sample, most: int, rng: np.random.Generator) -> Sample:
    import numpy as np

    n = len(sample.target)
    if n <= most:
        return sample
    kept = np.sort(rng.choice(n, most, replace=False))
    return Sample(sample.rows.iloc[kept].reset_index(drop=True), sample.target[kept])


GATE = Gate(
    name="security",
    judge=f"{__name__}:judge",
    params=f"{__name__}:Params",
    asks=("candidate", "training", "artifact"),
    tasks=("binary", "multiclass", "regression", "quantile"),
)
