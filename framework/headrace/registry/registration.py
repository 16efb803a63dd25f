"""How a version gets its number, and what it must say about where it came from."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Any

from sqlmodel import Session, col, select

from headrace.address import NAME
from headrace.diagnostics import Diagnostic, Exit, HeadraceError
from headrace.hooks.inert import CODE, refuse_code
from headrace.identity.signing import signer
from headrace.registry import indexed, provenance, stage
from headrace.registry.card_evidence import Declared
from headrace.registry.card_writing import write_card
from headrace.registry.semver import SemVer
from headrace.registry.version import UNSAFE, Version, digest_of, value_of
from headrace.store import Store, events, tables
from headrace.store.registered import VersionCounter, VersionIndex
from headrace.transforms import unpack

_LINEAGE = ("data", "spec", "code", "environment")

_PACKED = "headrace-model+"
"""What the format of a model begins with to which more than its algorithm's own bytes belongs."""
_DIGEST = re.compile(r"sha256:[0-9a-f]{64}")


def register(
    store: Store,
    *,
    actor: str,
    model: str,
    run_id: str,
    manifest: Mapping[str, Any],
    model_bytes: bytes,
    algorithm: str,
    format: str,  # noqa: A002 - the column's name
    at: datetime,
    semver: str | None = None,
    said: Declared | None = None,
    unsafe: Collection[str] = (),
) -> Version:
    """Keep a trained model under the next number: 1, 2, 3 … without a gap, however many register at once, and none given twice.

    `manifest["digests"]` must name `data`, `spec`, `code` and `environment`; `model`, `algorithm`, `number` and the model's own digest are
    added. Its first card is written with it, by what the project `said` of the model. HeadraceError: `incomplete-lineage` where a digest is
    missing, `unsafe-format` where reading the bytes may run code, `bad-semver`, `semver-taken`. A format that is among `unsafe` is let in
    where the project can sign: manifest, card, signed statement and audit log say so. Writes the events card.written,
    candidate.registered and, where the project can sign, version.attested.
    """
    named = None if semver is None else SemVer.parse(semver)
    lacking = [part for part in _LINEAGE if not _DIGEST.fullmatch(str(manifest.get("digests", {}).get(part, "")))]
    if lacking:
        raise HeadraceError(
            Diagnostic("incomplete-lineage", f"model/{model} cannot be registered: its manifest has no digest of {', '.join(lacking)}")
        )
    key = signer(store.root)
    let_in = _let_in(model_bytes, format, model, unsafe, signed=key is not None)
    reason = None if let_in is None else f"`{let_in}` may run code when it is read: let in by unsafe_formats"
    model_digest = store.blobs.put(model_bytes)
    # The store lets one transaction write at a time, so the next number is nobody else's.
    with store.transaction(actor, "register", f"model/{model}", reason=reason) as session:
        number = _next(session, model)
        whole = {
            **manifest,
            "model": model,
            "number": number,
            "algorithm": algorithm,
            "digests": {**manifest["digests"], "model": model_digest},
            **({} if let_in is None else {UNSAFE: let_in}),
        }
        row = tables.ModelVersion(
            model=model,
            number=number,
            run_id=run_id,
            algorithm=algorithm,
            format=format,
            model_digest=model_digest,
            manifest_digest=digest_of(whole),
            manifest=whole,
            created_at=at,
        )
        _keep(session, row, named, at, said)
        version = value_of(row)
        if key is not None:
            provenance.write(session, version, key, actor=actor, at=at)
        return version


def _let_in(data: bytes, format_: str, model: str, unsafe: Collection[str], *, signed: bool) -> str | None:
    """The format by which bytes are let in although reading them may run code; None where nothing of the kind is asked for.

    HeadraceError `unsafe-format` where they may and are not let in, and where nothing would say for sure where they came from.
    """
    inner = format_.removeprefix(_PACKED)
    if inner not in unsafe:
        _refuse_code(data, format_, model)
        return None
    if signed:
        return inner
    message = f"what model/{model} would register as `{inner}` may run code when it is read, and nothing can sign where it came from"
    raise HeadraceError(Diagnostic("unsafe-format", message, help="let `.headrace/keys/signing.pem` be written"), Exit.REFUSED)


def _refuse_code(data: bytes, format_: str, model: str) -> None:
    what = f"what model/{model} would register"
    if format_.lower() in CODE:
        raise HeadraceError(
            Diagnostic("unsafe-format", f"{what} is of the format `{format_}`, which runs code when it is read"), Exit.REFUSED
        )
    try:
        inside = unpack(data).data
    except ValueError as error:
        raise HeadraceError(Diagnostic("model-unreadable", f"{what} cannot be read: {error}")) from error
    refuse_code(inside, what)


def adopt(store: Store, version: Version, *, actor: str) -> None:
    """Keep a version that another store registered, as it is; its bytes are among the blobs already.

    HeadraceError `version-conflict` where the number is another version's here, or is not the next one, `unsafe-format` as `register`,
    `unsafe-name` where the model has a name that no model has. Its card is a draft of what its manifest says. Writes card.written and
    candidate.registered.
    """
    if not NAME.fullmatch(version.model):
        raise HeadraceError(Diagnostic("unsafe-name", f"`{version.model[:80]!a}` is no name of a model"), Exit.REFUSED)
    _refuse_code(store.blobs.get(version.model_digest), version.format, version.model)
    with store.transaction(actor, "register", f"model/{version.model}") as session:
        number = _next(session, version.model)
        if version.number != number:
            why = "is another one here" if version.number < number else f"is not the next one: the newest here is v{number - 1}"
            help_ = "take them into a project that has no version of this model"
            raise HeadraceError(Diagnostic("version-conflict", f"{version} {why}", help=help_), Exit.REFUSED)
        row = tables.ModelVersion(**{name: getattr(version, name) for name in Version.__dataclass_fields__})
        _keep(session, row, None, store.clock.now())


def set_semver(session: Session, *, model: str, number: int, semver: str) -> None:
    """Give a version its SemVer, once; nothing happens where it has this one.

    HeadraceError: `no-version`, `bad-semver`, `semver-given` where it has another, `semver-taken` where another version has it, or one
    that differs only in build metadata, which no precedence tells apart.
    """
    named, found = SemVer.parse(semver), indexed.index_of(session, model, number)
    if found.semver == str(named):
        return
    if found.semver is not None:
        message = f"model/{model} v{number} is {found.semver} already: a version keeps its SemVer"
        raise HeadraceError(Diagnostic("semver-given", message, help="register a version of its own for another"), Exit.REFUSED)
    _refuse_taken(session, model, named)
    found.semver, found.precedence = str(named), named.precedence
    session.flush()


def _next(session: Session, model: str) -> int:
    """The next number of a model; the counter is never set back, so that none is given again, whatever became of a version."""
    counter = session.get(VersionCounter, model, with_for_update=True)
    if counter is None:
        counter = VersionCounter(model=model, next=1)
        session.add(counter)
    number = counter.next
    counter.next = number + 1
    session.flush()
    return number


def _keep(session: Session, row: tables.ModelVersion, semver: SemVer | None, at: datetime, said: Declared | None = None) -> None:
    """Write a version down with its card and all that it is found by, and announce it."""
    if semver is not None:
        _refuse_taken(session, row.model, semver)
    write_card(session, value_of(row), at=at, said=said)
    session.add(row)
    session.flush()
    indexed.add(session, value_of(row), semver)
    stage.begin(session, row.model, row.number, at)
    metrics = row.manifest.get("metrics", {})
    payload = {"number": row.number, "run_id": row.run_id, "manifest_digest": row.manifest_digest, "metrics": metrics}
    events.append(session, model=row.model, kind=events.EventKind.CANDIDATE_REGISTERED, payload=payload, at=at)


def _refuse_taken(session: Session, model: str, semver: SemVer) -> None:
    query = select(VersionIndex).where(VersionIndex.model == model, col(VersionIndex.precedence) == semver.precedence)
    taken = session.exec(query).first()
    if taken is not None:
        message = f"{semver} is taken: model/{model} v{taken.number} is {taken.semver}"
        raise HeadraceError(Diagnostic("semver-taken", message, help="raise it: build metadata does not count"), Exit.REFUSED)
