"""A bill of materials of a model, CycloneDX 1.6: the model with its card, the data that it learned from, the packages that made it."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import NAMESPACE_URL, uuid5

from pydantic import BaseModel, ConfigDict

from headrace.builtin.exporters.carded import card_of, number
from headrace.hooks import Export, Exporter

if TYPE_CHECKING:
    from headrace.governance.card import Card, Result

_NAME = re.compile(r"[-_.]+")


class Params(BaseModel):
    """`cyclonedx` has no parameters."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


def export(version: Export, params: Params, folder: Path) -> None:
    """Write `bom.cdx.json`."""
    import orjson

    del params
    bom = _bom(version, card_of(version))
    (folder / "bom.cdx.json").write_bytes(orjson.dumps(bom, option=orjson.OPT_INDENT_2) + b"\n")


def _bom(version: Export, card: Card) -> dict[str, Any]:
    model, data, packages = f"model:{version.model}@{version.number}", _datasets(card), _packages(version)
    # Of the same version the same bytes: the number is made of what it is of, and the time is the version's.
    serial = uuid5(NAMESPACE_URL, f"{version.model}@{version.number}/{version.manifest_digest}/{version.card_digest}")
    return {
        "$schema": "http://cyclonedx.org/schema/bom-1.6.schema.json",
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "serialNumber": f"urn:uuid:{serial}",
        "version": max(card.card_version, 1),
        "metadata": {
            "timestamp": version.created_at.isoformat(),
            "tools": {"components": [{"type": "application", "name": "headrace"}]},
            "component": _model(version, card, model),
            "properties": _properties(version, card),
        },
        "components": [*data, *packages],
        "dependencies": [
            {"ref": model, "dependsOn": [one["bom-ref"] for one in (*data, *packages)]},
            *({"ref": one["bom-ref"]} for one in (*data, *packages)),
        ],
    }


def _model(version: Export, card: Card, ref: str) -> dict[str, Any]:
    identity = card.identity
    found: dict[str, Any] = {
        "type": "machine-learning-model",
        "bom-ref": ref,
        "name": version.model,
        "version": str(version.number),
        "hashes": _hashes(version.data_digest),
    }
    if identity.description:
        found["description"] = identity.description
    if identity.owner:
        found["supplier"] = {"name": identity.owner}
    if identity.license:
        found["licenses"] = [{"expression": identity.license}]
    return {**found, "modelCard": _card(version, card)}


def _card(version: Export, card: Card) -> dict[str, Any]:
    parameters: dict[str, Any] = {
        "approach": {"type": "supervised"},
        "task": card.model.task or "binary",
        "architectureFamily": card.model.algorithm or version.algorithm,
        "modelArchitecture": card.model.algorithm or version.algorithm,
        "inputs": [{"format": f"{item.name}: {item.type}"} for item in card.model.features],
        "outputs": [{"format": card.data.target or card.model.task}],
    }
    if refs := [one["bom-ref"] for one in _datasets(card)]:
        parameters["datasets"] = [{"ref": ref} for ref in refs]
    analysis = {"performanceMetrics": [*_metrics(card), *(_verdict(one) for one in _results(card))]}
    return {
        "bom-ref": f"card:{version.model}@{version.number}",
        "modelParameters": parameters,
        "quantitativeAnalysis": analysis,
        "considerations": _considerations(card),
    }


def _metrics(card: Card) -> list[dict[str, Any]]:
    return [{"type": name, "value": number(value), "slice": "held-out rows"} for name, value in sorted(card.evaluation.metrics.items())]


def _results(card: Card) -> list[Result]:
    found = (*card.evaluation.results, *card.fairness.results, *card.robustness.results, *card.security.results)
    return [one for one in found if one.value is not None]


def _verdict(one: Result) -> dict[str, Any]:
    told: dict[str, Any] = {"type": one.metric, "value": number(one.value), "slice": f"gate {one.gate}"}
    if one.low is not None and one.high is not None:
        told["confidenceInterval"] = {"lowerBound": number(one.low), "upperBound": number(one.high)}
    return told


def _considerations(card: Card) -> dict[str, Any]:
    found: dict[str, Any] = {}
    if card.purpose.text:
        found["useCases"] = [card.purpose.text]
    if card.limitations.text:
        found["technicalLimitations"] = [card.limitations.text]
    if card.tradeoffs.text:
        found["performanceTradeoffs"] = [card.tradeoffs.text]
    if card.ethics.text:
        found["ethicalConsiderations"] = [{"name": "ethics", "mitigationStrategy": card.ethics.text}]
    if card.fairness.text:
        found["fairnessAssessments"] = [{"groupAtRisk": "groups of people whom it answers about", "harms": card.fairness.text}]
    return found


def _datasets(card: Card) -> list[dict[str, Any]]:
    """The rows that it was trained and judged on, and each source that they were read from."""
    data = card.data
    found = []
    if data.digest:
        told = ", ".join(f"{n} {name}" for name, n in sorted(data.rows.items()))
        found.append(_dataset("rows", f"rows of {card.identity.name}", data.digest, data.text or told))
    return [*found, *(_dataset(f"source:{one.name}", one.name, one.digest, "") for one in data.sources)]


def _dataset(ref: str, name: str, digest: str, description: str) -> dict[str, Any]:
    contents = {"type": "dataset", "name": name, **({"description": description} if description else {})}
    found: dict[str, Any] = {"type": "data", "bom-ref": f"data:{ref}", "name": name}
    return {**found, **({"hashes": hashes} if (hashes := _hashes(digest)) else {}), "data": [contents]}


def _packages(version: Export) -> list[dict[str, Any]]:
    found: dict[str, dict[str, Any]] = {}
    for line in version.requirements:
        name, _, release = line.partition("==")
        if name and release:
            purl = f"pkg:pypi/{_NAME.sub('-', name).lower()}@{release.replace('+', '%2B')}"
            found[purl] = {"type": "library", "bom-ref": purl, "name": name, "version": release, "purl": purl}
    return [found[purl] for purl in sorted(found)]


def _properties(version: Export, card: Card) -> list[dict[str, str]]:
    made = card.environment
    told = {
        "headrace:card:digest": version.card_digest,
        "headrace:card:status": version.card_status,
        "headrace:card:version": str(card.card_version),
        "headrace:risk": card.risk,
        "headrace:manifest": version.manifest_digest,
        "headrace:code": made.code,
        "headrace:environment": made.environment,
        "headrace:spec": made.spec,
    }
    return [{"name": name, "value": value} for name, value in told.items() if value]


def _hashes(digest: str) -> list[dict[str, str]]:
    kind, _, value = digest.partition(":")
    return [{"alg": "SHA-256", "content": value}] if kind == "sha256" and re.fullmatch(r"[0-9a-f]{64}", value) else []


EXPORTER = Exporter(
    name="cyclonedx",
    export=f"{__name__}:export",
    params=f"{__name__}:Params",
    description="A bill of materials of the model with its card: CycloneDX 1.6.",
)
