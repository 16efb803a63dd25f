"""A version's card as chapters that every form prints alike: a title, a person's words, facts, tables; and its words made harmless."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, assert_never

from headrace.hooks import Answers, Export, Input
from headrace.spec.card import PARTS

if TYPE_CHECKING:
    from headrace.governance.card import Card, Result


@dataclass(frozen=True, slots=True)
class Table:
    """A table under a name of its own; cells are plain text."""

    title: str
    head: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


@dataclass(frozen=True, slots=True)
class Chapter:
    """One part: Markdown of a person, facts by name, tables."""

    title: str
    text: str
    facts: tuple[tuple[str, str], ...] = ()
    tables: tuple[Table, ...] = ()


def card_of(version: Export) -> Card:
    """Its card; of a version that has none yet, one that holds what its registration knows."""
    from headrace.governance import card as cards

    if version.card is not None:
        return cards.Card.model_validate(dict(version.card))
    import orjson

    manifest = orjson.loads(version.manifest)
    identity = cards.Identity(
        name=version.model,
        version=version.number,
        model_digest=version.data_digest,
        manifest_digest=version.manifest_digest,
        run="",
        created_at=version.created_at.isoformat(),
    )
    features = tuple(
        cards.Feature(name=i.name, type=i.type, low=i.low, high=i.high, categories=len(i.categories), missing=i.missing)
        for i in version.signature.inputs
    )
    measured = {name: float(value) for name, value in (manifest.get("metrics") or {}).items() if value is not None}
    return cards.Card(
        card_version=0,
        required={},
        identity=identity,
        data=cards.Data(target=manifest.get("target", "")),
        model=cards.Model(algorithm=version.algorithm, task=Answers.of(manifest).task, features=features),
        evaluation=cards.Evaluation(metrics=measured),
        security=cards.Security(format=version.format),
    )


def about(version: Export, card: Card) -> dict[str, str]:
    """What a version is, by name."""
    identity = card.identity
    found = {
        "owner": identity.owner,
        "contact": identity.contact,
        "licence": identity.license,
        "risk": card.risk or "",
        "card": f"{card.card_version} ({version.card_status})" if version.card_status else "",
        "digest of the card": version.card_digest or "",
        "digest of the model": version.data_digest,
        "digest of the manifest": version.manifest_digest,
    }
    return {name: value for name, value in found.items() if value}


def answer(manifest: Mapping[str, Any]) -> str:
    """How it answers, by its task."""
    answers = Answers.of(manifest)
    match answers.task:
        case "binary":
            return "as a probability"
        case "multiclass":
            return f"by one of {len(answers.classes)} classes, with a probability for each: {', '.join(answers.keys)}"
        case "regression":
            return "by a number"
        case "ranking":
            return f"by a score that orders the rows of one `{manifest.get('group', '?')}`"
        case "quantile":
            return f"by a number at each level: {', '.join(answers.keys)}"
        case _:
            assert_never(answers.task)


def chapters(version: Export, card: Card, categories: int) -> Iterator[Chapter]:
    """Every part of a card that says anything, in its order; so many categories of an input are listed."""
    for part in PARTS:
        facts, tables = _recorded(version, card, part.name, categories)
        text, tables = card.text_of(part.name).strip(), tuple(table for table in tables if table.rows)
        facts = tuple((name, value) for name, value in facts if value)
        if text or facts or tables:
            yield Chapter(part.title, text, facts, tables)


def number(value: float | None) -> str:
    """A figure as a reader wants it."""
    return "" if value is None else f"{value:.6g}"


_Facts = tuple[tuple[str, str], ...]
_Recorded = tuple[_Facts, tuple[Table, ...]]


def _recorded(version: Export, card: Card, part: str, categories: int) -> _Recorded:
    """What was recorded of one part."""
    match part:
        case "data":
            return _data(card)
        case "model":
            return _model(version, card, categories)
        case "evaluation":
            return (), (_scores(card), _results(card.evaluation.results))
        case "fairness" | "robustness":
            return (), (_results(getattr(card, part).results),)
        case "monitoring":
            return _monitoring(card)
        case _:
            return _few(card, part)


def _few(card: Card, part: str) -> _Recorded:
    """Parts of which little is recorded."""
    match part:
        case "rollback":
            return (("rollout", card.rollback.strategy or ""), ("fallback", card.rollback.fallback or "")), ()
        case "security":
            return (("format", card.security.format),), (_results(card.security.results),)
        case "environment":
            made = card.environment
            digests = (("code", made.code), ("what was installed", made.environment), ("spec", made.spec))
            return (*sorted(made.machine.items()), *digests), ()
        case "change_log":
            return _log(card)
        case "review":
            return (("next review", card.review.due or ""),), ()
        case _:
            return (), ()


def _data(card: Card) -> _Recorded:
    data = card.data
    rows = tuple((f"rows: {name}", f"{n:,}") for name, n in sorted(data.rows.items()))
    facts = (("digest", data.digest), ("rows as of", data.as_of or ""), ("target", data.target), *rows)
    sources = Table("Sources", ("source", "digest"), tuple((one.name, one.digest) for one in data.sources))
    return (*facts, ("sensitive columns", ", ".join(data.sensitive))), (sources,)


def _scores(card: Card) -> Table:
    scores = card.evaluation
    rows = tuple((name, number(value), number(scores.baseline.get(name))) for name, value in sorted(scores.metrics.items()))
    return Table("On the held-out rows", ("metric", "this version", "the baseline"), rows)


def _monitoring(card: Card) -> _Recorded:
    watched = card.monitoring
    facts = (
        ("drift of", ", ".join(watched.drift)),
        ("performance by", watched.performance or ""),
        ("retraining", ", ".join(watched.retraining)),
    )
    alerts = tuple((a.id, a.when, a.severity, ", ".join(a.notify)) for a in watched.alerts)
    return facts, (Table("Alerts", ("alert", "when", "severity", "who hears it"), alerts),)


def _log(card: Card) -> _Recorded:
    log = card.change_log
    if log.previous is None:
        return (), ()
    rows = tuple((name, f"{value:+.6g}") for name, value in sorted(log.metrics.items()))
    facts = (("version before", str(log.previous)), ("what is another", ", ".join(log.changed) or "nothing"))
    return facts, (Table("Metrics since then", ("metric", "change"), rows),)


def _model(version: Export, card: Card, categories: int) -> _Recorded:
    model = card.model
    inputs = tuple((item.name, item.type, _values(item, categories), "yes" if item.missing else "no") for item in version.signature.inputs)
    params = tuple((name, str(value)) for name, value in sorted(model.params.items()))
    facts = (
        ("algorithm", model.algorithm),
        ("task", model.task),
        ("seed", "" if model.seed is None else str(model.seed)),
        ("baseline", model.baseline or ""),
        ("transforms", ", ".join(model.transforms)),
        ("parts", ", ".join(model.components)),
    )
    tables = (Table("Inputs", ("input", "type", "values", "may be missing"), inputs), Table("Parameters", ("parameter", "value"), params))
    return facts, tables


def _results(results: Sequence[Result]) -> Table:
    lines = tuple(
        (
            one.gate,
            one.metric,
            number(one.value),
            f"{number(one.low)} to {number(one.high)}" if one.low is not None and one.high is not None else "",
            "" if one.n is None else f"{one.n:,}",
            "passed" if one.passed else "warned" if one.mode == "warn" else "failed",
        )
        for one in results
    )
    return Table("What the gates said", ("gate", "metric", "value", "interval", "rows", "verdict"), lines)


def _values(item: Input, most: int) -> str:
    if item.type == "category":
        more = len(item.categories) - most
        return ", ".join(item.categories[:most]) + (f" and {more} more" if more > 0 else "")
    if item.type == "text":
        return "any text"
    bounds = [f"at least {item.low:g}" if item.low is not None else "", f"at most {item.high:g}" if item.high is not None else ""]
    return ", ".join(filter(None, bounds)) or "any number"


_ALLOWED = re.compile(r"\s*(?:https?://[^\s&<>]|mailto:[^\s&<>]|#|[\w./-]+[)\s])")


def markdown(text: str) -> str:
    """A person's Markdown without HTML, and without a link that leads anywhere but to the web, to mail or beside it."""
    plain = text.replace("&", "&amp;").replace("<", "&lt;")
    shown = re.sub(r"\]\(", lambda found: "](" if _ALLOWED.match(plain, found.end()) else r"]\(", plain)
    return re.sub(r"^( {0,3})\[([^\]\n]*)\]:", r"\1\\[\2\\]:", shown, flags=re.MULTILINE)


def cell(value: object) -> str:
    """Text that breaks no table of Markdown, and means nothing in HTML."""
    return " ".join(str(value).split()).replace("&", "&amp;").replace("<", "&lt;").replace("|", "\\|")


def lines(version: Export, card: Card, categories: int, skip: str = "") -> Iterator[str]:
    """The chapters as Markdown, but the one that is called `skip`."""
    for chapter in chapters(version, card, categories):
        if chapter.title == skip:
            continue
        yield f"\n## {chapter.title}\n"
        if chapter.text:
            yield markdown(chapter.text) + "\n"
        if chapter.facts:
            yield "| | |\n|---|---|"
            yield from (f"| {cell(name)} | {cell(value)} |" for name, value in chapter.facts)
        for table in chapter.tables:
            yield f"\n### {table.title}\n\n| {' | '.join(table.head)} |\n|{'---|' * len(table.head)}"
            yield from (f"| {' | '.join(map(cell, row))} |" for row in table.rows)
