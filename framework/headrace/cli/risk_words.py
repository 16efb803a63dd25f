"""What each tier of risk asks for, told from what decides by it: the card's parts, the quorum, keys, and waivers of gates."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Literal, get_args

Tier = Literal["low", "medium", "high"]
TIERS: tuple[Tier, ...] = get_args(Tier)
SUBJECTS = ("risk", *(f"risk.{tier}" for tier in TIERS))


def about_risk(subject: str) -> dict[str, Any] | None:
    """What `risk`, or one tier such as `risk.high`, asks for; None for anything else."""
    if subject not in SUBJECTS:
        return None
    asked = TIERS if subject == "risk" else tuple(tier for tier in TIERS if subject == f"risk.{tier}")
    from headrace.project.risk import MANY

    raised = {
        "medium": [
            "an input that is computed from a column with `personal: true`",
            f"`serving.traffic` of {MANY:,.0f} requests a day or more, in production",
        ],
        "high": ["an input that is computed from a column with `personal: true`, in production"],
    }
    return {"risk": subject, "tiers": [_tier(tier, raised.get(tier, [])) for tier in asked]}


def _tier(tier: Tier, raised_by: list[str]) -> dict[str, Any]:
    from headrace.spec.card import required
    from headrace.spec.governance import QUORUM

    return {
        "tier": tier,
        "level": TIERS.index(tier) + 1,
        "raised_by": raised_by,
        "card": {name: list(needs) for name, needs in required(tier).items()},
        "quorum": QUORUM[tier],
        "key": tier == "high",
        "owner_waives": tier != "high",
    }


def text_of_risk(result: Mapping[str, Any]) -> str:
    """The same for a person."""
    lines = [
        "How much harm a wrong answer may do: what `governance.risk` says, raised by what is known of the model, and lowered by nothing."
    ]
    for tier in result["tiers"]:
        lines += ["", f"{tier['tier']} (`risk.level` {tier['level']})", *(f"  {line}" for line in _lines(tier))]
    return "\n".join([*lines, "", "No tier asks for gates of its own; a policy may: `require: [{id: tested, when: gates.passed}]`."])


def _lines(tier: Mapping[str, Any]) -> Iterator[str]:
    yield from (f"raised by        {why}" for why in tier["raised_by"])
    for need, said in (("text", "card, in words   "), ("evidence", "card, recorded   ")):
        yield said + ", ".join(name for name, needs in tier["card"].items() if need in needs)
    key = "each by a key" if tier["key"] else "by a key where `fresh_authentication` is said"
    yield f"votes            {tier['quorum']}, where `quorum` is not said; {key}"
    owner = "taken" if tier["owner_waives"] else "refused where the spec says this tier"
    yield f"gates            a waiver by the model's owner is {owner}"
