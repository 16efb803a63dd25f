"""A model card as the README of a repository on the Hugging Face hub: its metadata in front, and the same page below."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, ConfigDict, Field

from headrace.builtin.exporters.carded import card_of, cell, lines
from headrace.hooks import Export, Exporter
from headrace.hooks.answers import Task

if TYPE_CHECKING:
    from headrace.governance.card import Card

_TASKS: dict[Task, str] = {
    "binary": "tabular-classification",
    "multiclass": "tabular-classification",
    "regression": "tabular-regression",
    "quantile": "tabular-regression",
    "ranking": "text-ranking",
}
"""The hub's word for what a model does."""


class Params(BaseModel):
    """The parameters of `huggingface`."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    language: str = Field(default="en", pattern=r"^[a-z]{2,3}$", description="The language that people wrote in.")
    categories: int = Field(default=12, ge=0, le=1000, description="How many categories of an input are listed.")


def export(version: Export, params: Params, folder: Path) -> None:
    """Write `README.md`."""
    import yaml

    card = card_of(version)
    front = yaml.safe_dump(_front(version, card, params), sort_keys=False, allow_unicode=True, width=120)
    head = [f"---\n{front}---\n", f"# {cell(version.model)}, version {version.number}\n"]
    if card.identity.description:
        head.append(cell(card.identity.description) + "\n")
    text = "\n".join([*head, *lines(version, card, params.categories)]) + "\n"
    (folder / "README.md").write_text(text, encoding="utf-8", newline="\n")


def _front(version: Export, card: Card, params: Params) -> dict[str, Any]:
    import orjson

    from headrace.hooks import Answers

    task = _TASKS[Answers.of(orjson.loads(version.manifest)).task]
    front: dict[str, Any] = {
        "language": params.language,
        **_licence(card.identity.license),
        "library_name": version.algorithm.partition(".")[0],
        "pipeline_tag": task,
        "tags": ["headrace", "tabular"],
    }
    if card.evaluation.metrics:
        measured = [{"type": name, "name": name, "value": value} for name, value in sorted(card.evaluation.metrics.items())]
        # The hub's reader takes results only with a data set's name and type.
        dataset = {"name": card.data.sources[0].name if card.data.sources else "held-out rows", "type": "tabular"}
        results = [{"task": {"type": task}, "dataset": dataset, "metrics": measured}]
        front["model-index"] = [{"name": version.model, "results": results}]
    return front


def _licence(expression: str) -> dict[str, str]:
    """As the hub has it: an identifier in small letters, and by name what is none of its own."""
    if not expression:
        return {}
    single = " " not in expression and not expression.casefold().startswith("licenseref-")
    return {"license": expression.casefold()} if single else {"license": "other", "license_name": expression}


EXPORTER = Exporter(
    name="huggingface",
    export=f"{__name__}:export",
    params=f"{__name__}:Params",
    description="A model card: the README of a repository on the Hugging Face hub.",
)
