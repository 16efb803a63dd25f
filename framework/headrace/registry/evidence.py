"""What is known of a version when somebody must agree to it: by which digests it is what it is, what its gates said, who made it."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlmodel import Session, col, select

from headrace.diagnostics import HeadraceError
from headrace.governance import Subject
from headrace.identity.signing import trusted
from headrace.registry import provenance
from headrace.registry.card import card_approved, card_of
from headrace.registry.version import Version, digest_of
from headrace.registry.waived import stands
from headrace.spec.person import person
from headrace.store import digest, tables
from headrace.store.tracked import Tracked


@dataclass(frozen=True, slots=True)
class CardFacts:
    """What is known of a version's card."""

    digest: str
    complete: bool
    approved: bool
    author: str


def card_facts(session: Session, version: Version) -> CardFacts | None:
    """What is known of a version's card; None where it has none."""
    try:
        found = card_of(session, version.model, version.number)
        complete = found.completeness.complete
    except HeadraceError:  # none, or one that was altered
        return None
    return CardFacts(found.digest, complete, bool(card_approved(session, version)), found.actor)


def signature_valid(session: Session, version: Version) -> bool | None:
    """Whether the statement of where a version came from is signed by the project's key; None where there is no key to hold it against."""
    root = session.info.get("root")
    try:
        key = None if root is None else trusted(root)
    except HeadraceError:
        return None
    row = provenance.newest(session, version, provenance.KIND)
    if key is None or row is None:
        return None if key is None else False
    return digest(row.body.encode()) == row.digest and provenance.disagrees(row.body, version, key) is None


def subject(session: Session, environment: str, version: Version, now: datetime) -> Subject:
    """A version as what policies are asked about before it is rolled out in an environment."""
    judged, every = verdicts(session, version), _all(session, version)
    card = card_facts(session, version)
    return Subject(
        model=version.model,
        environment=environment,
        on="promote",
        number=version.number,
        digests={
            "artifact": artifact(version),
            "card": None if card is None else card.digest,
            "evaluation": digest_of({"verdicts": [_verdict(row) for row in every]}) if every else None,
        },
        values={
            "gates.passed": all(stands(row, now) for row in judged) if judged else None,
            "evaluation.age": (now - max(row.at for row in judged)).total_seconds() if judged else None,
            "card.complete": None if card is None else card.complete,
            "card.approved": None if card is None else card.approved,
            "signature.valid": signature_valid(session, version),
        },
        duties={
            "requester": _people(_applied(session, version)),
            "trainer": _people(_trained(session, version)),
            "card_author": _people([] if card is None else [card.author]),
        },
    )


def artifact(version: Version) -> str:
    """The digest that a version was registered under; of one whose row says anything else than its manifest does, another one."""
    told = {"manifest": version.manifest, "model": version.model_digest, "algorithm": version.algorithm, "format": version.format}
    same = (
        version.manifest.get("digests", {}).get("model") == version.model_digest
        and version.manifest.get("algorithm") == version.algorithm
        and digest_of(version.manifest) == version.manifest_digest
    )
    return version.manifest_digest if same else digest_of(told)


def verdicts(session: Session, version: Version) -> list[tables.Verdict]:
    """What each gate said when the version was last judged; of two judgements of one moment, both."""
    rows = _all(session, version)
    last = max((row.at for row in rows), default=None)
    runs = {row.run_id for row in rows if row.at == last}
    return sorted((row for row in rows if row.run_id in runs), key=lambda row: row.gate)


def _all(session: Session, version: Version) -> list[tables.Verdict]:
    """Everything that gates ever said of a version: what is judged anew is another evaluation, whatever the clock says."""
    query = select(tables.Verdict).where(tables.Verdict.model == version.model, tables.Verdict.number == version.number)
    return list(session.exec(query.order_by(col(tables.Verdict.id))))


def _verdict(row: tables.Verdict) -> dict[str, Any]:
    """A verdict with all that it was reached by; numbers that JSON has no word for are told by their names."""
    told = row.model_dump(exclude={"id"})
    return {name: _plain(value) for name, value in told.items()}


def _plain(value: Any) -> Any:  # noqa: ANN401 - a column's value
    match value:
        case datetime():
            return value.isoformat()
        case float() if not math.isfinite(value):
            return repr(value)
        case _:
            return value


def _applied(session: Session, version: Version) -> list[str]:
    """Who had applied last when the version was made: it was made by what he applied."""
    query = select(tables.Revision.actor).where(col(tables.Revision.at) <= version.created_at)
    found = session.exec(query.order_by(col(tables.Revision.serial).desc()).limit(1)).first()
    return [] if found is None else [found]


def _trained(session: Session, version: Version) -> list[str]:
    """Who ran the training, and whose commit it was of."""
    tracked, run = session.get(Tracked, version.run_id), session.get(tables.Run, version.run_id)
    authors = [] if run is None else [str(name) for name in run.details.get("authors", ())]
    return [*authors, *([] if tracked is None else [tracked.actor])]


def _people(names: Iterable[str]) -> frozenset[str]:
    return frozenset(told for name in names if (told := person(name)).startswith("user:"))
