"""Controls of a catalogue, each met, not met or unknown by what is recorded of the candidate: nothing is asserted.

A catalogue is data: a control names the facts that it goes by. It is met where all of them hold, not met where one does not, and unknown
otherwise; a control that names none is unknown, since no record tells. That all are met says what the records show, and no more.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from headrace.hooks import Gate, HeldOut, Records, Ruling
from headrace.hooks.answers import TASKS

Outcome = Literal["met", "not met", "unknown", "not applicable"]
SHIPPED = Path(__file__).parents[1] / "catalogues"
_STRICT = ConfigDict(frozen=True, extra="forbid", strict=True)
_NAMED = 8
_LONGEST = 160


class Control(BaseModel):
    """One control: what it says, where that stands, and the facts that it goes by."""

    model_config = _STRICT

    id: str = Field(min_length=1, max_length=80)
    title: str = Field(min_length=1, max_length=300)
    refers: str = Field(default="", max_length=200)
    evidence: list[str] = Field(max_length=20)


class Catalogue(BaseModel):
    """A list of controls."""

    model_config = _STRICT

    catalogue: str = Field(min_length=1, max_length=80)
    title: str
    controls: list[Control] = Field(min_length=1, max_length=100)


class Params(BaseModel):
    """The parameters of `controls`."""

    model_config = _STRICT

    catalogue: str = Field(
        min_length=1,
        description="`eu-ai-act` or `sr-11-7`, which are subsets in our words, or a file of the project that ends in `.yaml`.",
        examples=["sr-11-7"],
    )
    unknown: Literal["block", "allow"] = Field(default="block", description="Whether a control that is unknown fails the gate.")
    only: tuple[str, ...] = Field(default=(), description="The controls that are looked at; all of them, where nothing is said.")
    not_applicable: dict[str, str] = Field(default={}, description="Controls that do not apply, each with why; told, and not judged.")


def judge(held_out: HeldOut, params: Params, *, seed: int) -> Ruling:
    """How many controls are met; a control that is not met fails, and so does one that is unknown, unless those are allowed."""
    del seed
    records = held_out.records
    if records is None or not len(held_out.target):
        return Ruling(passed=False, reason="there are no records of a candidate that was judged by rows")
    try:
        catalogue = _read(held_out, params)
    except ValueError as error:
        return Ruling(passed=False, reason=f"the catalogue `{params.catalogue}` cannot be read: {error}")
    found = {control.id: _judged(control, records, params.not_applicable) for control in catalogue.controls if _asked(control, params)}
    by: dict[Outcome, list[str]] = {word: [] for word in ("met", "not met", "unknown", "not applicable")}
    for name, told in found.items():
        by[told["outcome"]].append(name)
    judged = len(found) - len(by["not applicable"])
    stops = by["not met"] + (by["unknown"] if params.unknown == "block" else [])
    others = [
        f"{word}: {', '.join(names[:_NAMED])}{' …' if len(names) > _NAMED else ''}" for word, names in by.items() if names and word != "met"
    ]
    reason = f"{len(by['met'])} of {judged} controls of {catalogue.catalogue} are met by what is recorded"
    evidence: dict[str, Any] = {"catalogue": catalogue.catalogue, "at": records.at.isoformat(), "controls": found}
    return Ruling(
        passed=bool(judged) and not stops,
        reason="; ".join([reason, *others]),
        value=float(len(by["met"])),
        threshold=float(judged),
        n=judged,
        evidence=evidence,
    )


def _asked(control: Control, params: Params) -> bool:
    return not params.only or control.id in params.only


def _read(held_out: HeldOut, params: Params) -> Catalogue:
    """The catalogue, which has each control once and all that the parameters name; ValueError."""
    import yaml

    if params.catalogue.endswith((".yaml", ".yml")):
        if held_out.file is None:
            raise ValueError("there is no project to read from")
        data: bytes = held_out.file(params.catalogue)[0]
    else:
        shipped = {path.stem: path for path in sorted(SHIPPED.glob("*.yaml"))}
        if params.catalogue not in shipped:
            raise ValueError(f"there is none of this name; there are {', '.join(shipped)}, or a file that ends in `.yaml`")
        data = shipped[params.catalogue].read_bytes()
    try:
        catalogue = Catalogue.model_validate(yaml.safe_load(data))
    except yaml.YAMLError as error:
        raise ValueError(f"it is no YAML: {str(error).splitlines()[0]}") from None
    except ValidationError as error:
        first = error.errors()[0]
        raise ValueError(f"`{'.'.join(map(str, first['loc']))}`: {first['msg']}") from None
    names = [control.id for control in catalogue.controls]
    if len(set(names)) < len(names):
        raise ValueError(f"it has the control `{next(name for name in names if names.count(name) > 1)}` twice")
    if strange := [name for name in (*params.only, *params.not_applicable) if name not in names]:
        raise ValueError(f"it has no control `{strange[0]}`")
    return catalogue


def _judged(control: Control, records: Records, not_applicable: Mapping[str, str]) -> dict[str, Any]:
    facts = {name: records.facts.get(name) for name in control.evidence}
    because = {name: records.because.get(name, "nothing of this name is recorded")[:_LONGEST] for name in control.evidence}
    told = {"title": control.title, "refers": control.refers}
    if control.id in not_applicable:
        return {**told, "outcome": "not applicable", "because": not_applicable[control.id][:_LONGEST]}
    return {**told, "outcome": _outcome(facts), "facts": facts, "because": because}


def _outcome(facts: Mapping[str, bool | None]) -> Outcome:
    if any(fact is False for fact in facts.values()):
        return "not met"
    return "met" if facts and all(fact is True for fact in facts.values()) else "unknown"


GATE = Gate(
    name="controls",
    judge=f"{__name__}:judge",
    params=f"{__name__}:Params",
    asks=("records", "files"),
    tasks=TASKS,
)
