"""A model card as JSON by the schema v0.0.2 of the Model Card Toolkit."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, ConfigDict

from headrace.builtin.exporters.carded import card_of, number
from headrace.hooks import Export, Exporter

if TYPE_CHECKING:
    from headrace.governance.card import Card, Result


class Params(BaseModel):
    """`model-card-toolkit` has no parameters."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


def export(version: Export, params: Params, folder: Path) -> None:
    """Write `model-card.json`."""
    import orjson

    del params
    found = _card(version, card_of(version))
    (folder / "model-card.json").write_bytes(orjson.dumps(found, option=orjson.OPT_INDENT_2) + b"\n")


def _card(version: Export, card: Card) -> dict[str, Any]:
    return {
        "schema_version": "0.0.2",
        "model_details": _details(version, card),
        "model_parameters": {
            "model_architecture": card.model.algorithm or version.algorithm,
            "data": _data(card),
            "input_format_map": [{"key": item.name, "value": item.type} for item in card.model.features],
            "output_format": card.model.task,
        },
        "quantitative_analysis": {"performance_metrics": _metrics(card)},
        "considerations": _considerations(card),
    }


def _details(version: Export, card: Card) -> dict[str, Any]:
    identity, log = card.identity, card.change_log
    diff = f"{', '.join(log.changed) or 'nothing'} since version {log.previous}" if log.previous is not None else ""
    found: dict[str, Any] = {
        "name": version.model,
        "version": {"name": str(version.number), "date": f"{version.created_at:%Y-%m-%d}", **({"diff": diff} if diff else {})},
        "path": version.data_digest,
    }
    if identity.description:
        found["overview"] = identity.description
    if card.purpose.text:
        found["documentation"] = card.purpose.text
    if identity.owner:
        found["owners"] = [{"name": identity.owner, **({"contact": identity.contact} if identity.contact else {})}]
    if identity.license:
        found["licenses"] = [{"identifier": identity.license}]
    return found


def _data(card: Card) -> list[dict[str, Any]]:
    data = card.data
    told = ", ".join(f"{n} {name}" for name, n in sorted(data.rows.items()))
    found: list[dict[str, Any]] = []
    if data.digest:
        sensitive = {"sensitive": {"sensitive_data": list(data.sensitive)}} if data.sensitive else {}
        description = "\n\n".join(filter(None, (f"rows: {told}; {data.digest}", data.text)))
        found.append({"name": f"rows of {card.identity.name}", "description": description, **sensitive})
    return [*found, *({"name": source.name, "description": source.digest} for source in data.sources)]


def _metrics(card: Card) -> list[dict[str, Any]]:
    found = [{"type": name, "value": number(value)} for name, value in sorted(card.evaluation.metrics.items())]
    judged = (*card.evaluation.results, *card.fairness.results, *card.robustness.results, *card.security.results)
    return [*found, *(_verdict(one) for one in judged if one.value is not None)]


def _verdict(one: Result) -> dict[str, Any]:
    told: dict[str, Any] = {"type": one.metric, "value": number(one.value), "slice": f"gate {one.gate}"}
    if one.low is not None and one.high is not None:
        told["confidence_interval"] = {"lower_bound": number(one.low), "upper_bound": number(one.high)}
    return told


def _considerations(card: Card) -> dict[str, Any]:
    found: dict[str, Any] = {}
    if card.purpose.text:
        found["use_cases"] = [{"description": card.purpose.text}]
    if card.limitations.text:
        found["limitations"] = [{"description": card.limitations.text}]
    if card.tradeoffs.text:
        found["tradeoffs"] = [{"description": card.tradeoffs.text}]
    risks = [(name, text) for name, text in (("Ethics", card.ethics.text), ("Fairness", card.fairness.text)) if text]
    if risks:
        found["ethical_considerations"] = [{"name": name, "mitigation_strategy": text} for name, text in risks]
    return found


EXPORTER = Exporter(
    name="model-card-toolkit",
    export=f"{__name__}:export",
    params=f"{__name__}:Params",
    description="A model card: JSON of the Model Card Toolkit, v0.0.2.",
)
