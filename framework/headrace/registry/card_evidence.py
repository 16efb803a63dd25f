"""What is recorded of a version as the parts of its card: its manifest, what the gates said of it, what the spec declares."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlmodel import Session, col, select

from headrace.compiled import CardConfig
from headrace.governance.card import (
    Alert,
    Card,
    ChangeLog,
    Data,
    Environment,
    Evaluation,
    Feature,
    Identity,
    Judged,
    Model,
    Result,
    Security,
    Source,
    Text,
)
from headrace.hooks import Answers
from headrace.registry.version import UNSAFE, Version
from headrace.spec.card import required
from headrace.spec.card_text import Written, read
from headrace.store import tables

FAIRNESS = ("parity", "odds", "opportunity", "disparate", "calibration_by_group", "fair", "selection_rate")
"""Words of the names of metrics that compare groups."""
ROBUSTNESS = ("robust", "noise", "perturb", "shift", "unseen", "flip", "corrupt")
SECURITY = ("security", "artifact", "fuzz", "membership", "signature", "pickle", "extraction")


@dataclass(frozen=True, slots=True)
class Declared:
    """What a project says of a model for its cards: the spec's part, and the text of the file that it names."""

    config: CardConfig
    text: str = ""
    fault: str | None = None
    """Why the file was not read."""


def declared(root: Path, config: CardConfig | None) -> Declared | None:
    """What is written of a model now; None where its spec has no `governance`. A file that is missing is no text, and said so."""
    from headrace.spec.card_file import OutsideError, read_file

    if config is None or config.file is None:
        return None if config is None else Declared(config)
    try:
        return Declared(config, read_file(root, config.file))
    except OSError as error:
        return Declared(config, fault=f"{config.file} cannot be read: {error.strerror or error}")
    except OutsideError as error:
        return Declared(config, fault=f"{config.file} is not read: {error}")


def made(
    session: Session,
    version: Version,
    said: Declared | None,
    before: Card | None,
    card_version: int,
    *,
    rows: Sequence[tables.Verdict] | None = None,
) -> Card:
    """The card of a version by what is recorded now. Without `said` the words and the spec's facts are those of the card `before`.

    With `rows` it has what these say, instead of what the gates said of the version last.
    """
    manifest = version.manifest
    judged = _judged(session, version) if rows is None else [_result(row) for row in rows]
    rest = [result for result in judged if not any(_is(result, words) for words in (FAIRNESS, ROBUSTNESS, SECURITY))]
    parts: dict[str, Any] = {
        "identity": _identity(version),
        "data": _data(manifest),
        "model": _model(version),
        "evaluation": Evaluation(
            metrics=_numbers(manifest.get("metrics")),
            baseline=_numbers((manifest.get("baseline") or {}).get("metrics")),
            results=tuple(rest),
        ),
        "fairness": Judged(results=tuple(result for result in judged if _is(result, FAIRNESS))),
        "robustness": Judged(results=tuple(result for result in judged if _is(result, ROBUSTNESS))),
        "security": Security(format=_form(version), results=tuple(result for result in judged if _is(result, SECURITY))),
        "environment": _environment(manifest),
        "change_log": _changes(session, version),
    }
    if said is not None:
        return _spoken(Card(card_version=card_version, required=required(None), **parts), said)
    if before is not None:
        return _kept(before, parts, card_version)
    return Card(card_version=card_version, required=required(None), **parts)


def _spoken(card: Card, said: Declared) -> Card:
    """With what a person wrote, and what the spec says."""
    config, written = said.config, read(said.text)
    facts: dict[str, dict[str, Any]] = {
        "identity": {
            "owner": config.owner,
            "description": config.description,
            "contact": written.front.get("contact", ""),
            "license": written.front.get("license", ""),
        },
        "data": {"sensitive": config.sensitive},
        "monitoring": {
            "drift": config.drift,
            "performance": config.performance,
            "alerts": tuple(Alert(id=a.id, when=a.when, severity=a.severity, notify=a.notify) for a in config.alerts),
            "retraining": config.retraining,
        },
        "rollback": {"strategy": config.rollout, "fallback": config.fallback},
        "review": {"due": written.front.get("review_due")},
    }
    return _with(card, facts, written).model_copy(
        update={"risk": config.risk, "file": config.file, "required": required(config.risk, config.sections)}
    )


def _with(card: Card, facts: Mapping[str, Mapping[str, Any]], written: Written) -> Card:
    parts = {}
    for name in Card.model_fields:
        part = getattr(card, name)
        if not isinstance(part, Text) and name not in facts:
            continue
        text = {"text": written.parts[name].text} if isinstance(part, Text) and name in written.parts else {}
        parts[name] = part.model_copy(update={**facts.get(name, {}), **text})
    return card.model_copy(update=parts)


def _kept(before: Card, parts: Mapping[str, Any], card_version: int) -> Card:
    """With the words and the spec's facts of the card before."""
    identity = parts["identity"].model_copy(update={n: getattr(before.identity, n) for n in ("owner", "description", "contact", "license")})
    kept = {name: part.model_copy(update={"text": before.text_of(name)}) for name, part in parts.items() if isinstance(part, Text)}
    data = kept["data"].model_copy(update={"sensitive": before.data.sensitive})
    return before.model_copy(update={**parts, **kept, "identity": identity, "data": data, "card_version": card_version})


def _identity(version: Version) -> Identity:
    return Identity(
        name=version.model,
        version=version.number,
        model_digest=version.model_digest,
        manifest_digest=version.manifest_digest,
        run=version.run_id,
        created_at=version.created_at.isoformat(),
    )


def _data(manifest: Mapping[str, Any]) -> Data:
    sources = manifest.get("sources") or {}
    rows = {name: int(n) for name, n in (manifest.get("rows") or {}).items() if isinstance(n, int)}
    return Data(
        digest=str(manifest.get("digests", {}).get("data", "")),
        as_of=manifest.get("as_of"),
        rows=rows,
        sources=tuple(Source(name=name, digest=str(found)) for name, found in sorted(sources.items())),
        target=str(manifest.get("target", "")),
    )


def _model(version: Version) -> Model:
    manifest = version.manifest
    features = tuple(
        Feature(
            name=item["name"],
            type=item["type"],
            low=item.get("low"),
            high=item.get("high"),
            categories=len(item.get("categories") or ()),
            missing=bool(item.get("missing", False)),
        )
        for item in manifest.get("signature", ())
    )
    return Model(
        algorithm=version.algorithm,
        task=Answers.of(manifest).task,
        params=dict(manifest.get("params") or {}),
        features=features,
        seed=manifest.get("seed"),
        baseline=(manifest.get("baseline") or {}).get("algorithm"),
        transforms=tuple(str(step["transform"]) for step in manifest.get("transforms", ())),
        components=tuple(f"{part['id']}: {part['algorithm']}" for part in manifest.get("components", ())),
    )


def _environment(manifest: Mapping[str, Any]) -> Environment:
    digests = manifest.get("digests", {})
    machine = {name: str(value) for name, value in (manifest.get("machine") or {}).items()}
    return Environment(
        machine=machine,
        code=str(digests.get("code", "")),
        environment=str(digests.get("environment", "")),
        spec=str(digests.get("spec", "")),
    )


def _changes(session: Session, version: Version) -> ChangeLog:
    """Against the version before: which digests are others, and by how much each metric that both have."""
    query = (
        select(tables.ModelVersion)
        .where(tables.ModelVersion.model == version.model, tables.ModelVersion.number < version.number)
        .order_by(col(tables.ModelVersion.number).desc())
        .limit(1)
    )
    row = session.exec(query).first()
    if row is None:
        return ChangeLog()
    old, new = row.manifest.get("digests", {}), version.manifest.get("digests", {})
    before, after = _numbers(row.manifest.get("metrics")), _numbers(version.manifest.get("metrics"))
    return ChangeLog(
        previous=row.number,
        changed=tuple(name for name in sorted({*old, *new}) if old.get(name) != new.get(name)),
        metrics={name: after[name] - before[name] for name in sorted(after.keys() & before.keys())},
    )


def _judged(session: Session, version: Version) -> list[Result]:
    """What each gate said of the version last."""
    query = (
        select(tables.Verdict)
        .where(tables.Verdict.model == version.model, tables.Verdict.number == version.number)
        .order_by(col(tables.Verdict.at), col(tables.Verdict.id))
    )
    rows = list(session.exec(query))
    newest = {row.gate: max(other.at for other in rows if other.gate == row.gate) for row in rows}
    latest = {row.gate: row for row in rows if row.at == newest[row.gate]}
    return [_result(row) for _, row in sorted(latest.items())]


def _result(row: tables.Verdict) -> Result:
    bounds = {name: _finite(getattr(row, name)) for name in ("value", "low", "high", "threshold")}
    told = {name: getattr(row, name) for name in ("gate", "metric", "passed", "mode", "reason", "n", "data_digest")}
    return Result(**told, **bounds)


def _is(result: Result, words: Iterable[str]) -> bool:
    named = f"{result.gate} {result.metric}".casefold()
    return any(word in named for word in words)


def _finite(value: float | None) -> float | None:
    return value if value is not None and math.isfinite(value) else None


def _numbers(found: Mapping[str, Any] | None) -> dict[str, float]:
    return {name: float(value) for name, value in sorted((found or {}).items()) if isinstance(value, int | float) and math.isfinite(value)}


def _form(version: Version) -> str:
    """The form that it is kept in; whether reading it may run code is nothing that a reader of its card should not see."""
    return f"{version.format} (may run code when it is read: let in by unsafe_formats)" if UNSAFE in version.manifest else version.format
