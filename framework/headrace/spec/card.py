"""The parts of a model card, and which of them a model's risk asks for: text of a person, evidence of a machine, or both."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Literal

Risk = Literal["low", "medium", "high"]
"""How much harm a wrong answer may do."""
Need = Literal["text", "evidence"]
"""What a part needs: a person's words, or facts that were recorded."""
Section = Literal[
    "purpose",
    "data",
    "model",
    "evaluation",
    "fairness",
    "robustness",
    "explainability",
    "limitations",
    "tradeoffs",
    "ethics",
    "monitoring",
    "rollback",
    "security",
    "environment",
    "review",
    "retirement",
]
"""The parts that a person may write."""


@dataclass(frozen=True, slots=True)
class Part:
    """One part of a card: its name, its heading, and what a person is asked for; None where a machine alone fills it."""

    name: str
    title: str
    asks: str | None


PARTS = (
    Part("identity", "Identity", None),
    Part(
        "purpose", "Purpose", "What it is for, who uses it, which decisions rest on it, whom they affect, and what it must not be used for."
    ),
    Part("data", "Data", "How the rows were collected and by what right, what the label means, what is sensitive, and what is missing."),
    Part("model", "Model", "Why this kind of model was chosen."),
    Part("evaluation", "Evaluation", "How it was evaluated, and what its figures do not show."),
    Part("fairness", "Fairness", "Which groups it could treat worse, what harm that would do, and what was done about it."),
    Part("robustness", "Robustness", "How it answers where inputs are missing, unusual, or made to mislead it."),
    Part("explainability", "Explainability", "How one of its answers is explained, to whom, and how far that can be trusted."),
    Part("limitations", "Limitations", "Where it is known to be wrong, and where nobody knows."),
    Part("tradeoffs", "Trade-offs", "What was given up for what: accuracy, speed, fairness, cost."),
    Part("ethics", "Ethics", "What harm its use can do, to whom, and who may object and how."),
    Part("monitoring", "Monitoring", "Who looks at its alerts, how soon, and what they do then."),
    Part("rollback", "Rollback", "When an older version is put back, by whom, and what callers do meanwhile."),
    Part("security", "Security", "Who may call it, who may change it, and how it could be misused."),
    Part("environment", "Environment", "What training and serving it take: machines, hours, energy."),
    Part("change_log", "Change log", None),
    Part("review", "Review", "Who reviews it, how often, and what would bring a review forward."),
    Part("retirement", "Retirement", "What would end its use, what takes its place, and how long its records are kept."),
)
"""All of them, in a card's order. After Mitchell et al., "Model Cards for Model Reporting", FAT* 2019, and what auditors ask beside."""
BY_NAME: Mapping[str, Part] = {part.name: part for part in PARTS}
HEADINGS: Mapping[str, Part] = {part.title.casefold(): part for part in PARTS if part.asks is not None}
"""What a person may write, by its heading in small letters."""

_LOW: Mapping[str, tuple[Need, ...]] = {
    "identity": ("evidence",),
    "purpose": ("text",),
    "data": ("text", "evidence"),
    "model": ("evidence",),
    "evaluation": ("evidence",),
    "limitations": ("text",),
}
_MEDIUM: Mapping[str, tuple[Need, ...]] = {
    **_LOW,
    "fairness": ("text",),
    "tradeoffs": ("text",),
    "ethics": ("text",),
    "monitoring": ("text", "evidence"),
    "rollback": ("text",),
}
_HIGH: Mapping[str, tuple[Need, ...]] = {
    **_MEDIUM,
    "fairness": ("text", "evidence"),
    "robustness": ("text",),
    "explainability": ("text",),
    "security": ("text", "evidence"),
    "environment": ("text",),
    "review": ("text",),
    "retirement": ("text",),
}
REQUIRED: Mapping[Risk, Mapping[str, tuple[Need, ...]]] = {"low": _LOW, "medium": _MEDIUM, "high": _HIGH}
"""What a card needs, by its model's risk: each tier has all of the one below it."""


def required(risk: Risk | None, sections: Collection[str] = ()) -> dict[str, tuple[Need, ...]]:
    """What a card needs, by part, in a card's order; `sections` are needed in words beside those of the risk.

    A model of which nobody said the risk needs what one of low risk does.
    """
    needs = dict(REQUIRED[risk or "low"])
    for name in sections:
        held = needs.get(name, ())
        needs[name] = held if "text" in held else ("text", *held)
    return {part.name: needs[part.name] for part in PARTS if part.name in needs}


def template(title: str, risk: Risk | None, sections: Collection[str] = ()) -> str:
    """The file that a person fills in, with the headings that the model's risk asks for."""
    front = "---\nlicense:\ncontact:\n---\n"
    written = [name for name, needs in required(risk, sections).items() if "text" in needs]
    parts = "".join(f"\n## {BY_NAME[name].title}\n\nTODO: {BY_NAME[name].asks}\n" for name in written)
    return f"{front}\n# {title}\n{parts}"
