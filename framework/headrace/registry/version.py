"""One version of a model as a value, and how versions are found."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlmodel import Session, col, select

from headrace.diagnostics import Diagnostic, Exit, HeadraceError
from headrace.digest import digest
from headrace.registry.semver import SemVer
from headrace.store import tables
from headrace.store.kinds import Stage
from headrace.store.registered import VersionIndex

UNSAFE = "unsafe_format"
"""Where a manifest says that its model may run code when it is read, and by which format it was let in."""


@dataclass(frozen=True, slots=True)
class Version:
    """One trained version of a model: immutable, by the digests of its parts. What it was made of stands in `manifest`."""

    model: str
    number: int
    run_id: str
    algorithm: str
    format: str
    model_digest: str
    manifest_digest: str
    manifest: dict[str, Any]
    created_at: datetime

    def __str__(self) -> str:
        return f"model/{self.model} v{self.number}"


def digest_of(manifest: dict[str, Any]) -> str:
    """The digest of a manifest's canonical JSON (RFC 8785); rfc8785.CanonicalizationError where it holds NaN or an infinity."""
    import rfc8785

    return digest(rfc8785.dumps(manifest))


def value_of(row: tables.ModelVersion) -> Version:
    """A row as a value that outlives its session."""
    return Version(
        model=row.model,
        number=row.number,
        run_id=row.run_id,
        algorithm=row.algorithm,
        format=row.format,
        model_digest=row.model_digest,
        manifest_digest=row.manifest_digest,
        manifest=row.manifest,
        created_at=row.created_at,
    )


def versions(session: Session, model: str) -> list[Version]:
    """All versions of a model, oldest first."""
    query = select(tables.ModelVersion).where(tables.ModelVersion.model == model).order_by(col(tables.ModelVersion.number))
    return [value_of(row) for row in session.exec(query)]


def get(session: Session, model: str, number: int) -> Version:
    """One version by its number; HeadraceError `no-version` where there is none."""
    query = select(tables.ModelVersion).where(tables.ModelVersion.model == model, tables.ModelVersion.number == number)
    row = session.exec(query).first()
    if row is None:
        raise HeadraceError(Diagnostic("no-version", f"model/{model} has no version {number}", help=_others(session, model)), Exit.FAILED)
    return value_of(row)


def by_run(session: Session, run_id: str) -> Version | None:
    """The version that a run made, if it has made one."""
    row = session.exec(select(tables.ModelVersion).where(tables.ModelVersion.run_id == run_id)).first()
    return None if row is None else value_of(row)


def _others(session: Session, model: str) -> str:
    """Which versions there are, or how there comes to be one."""
    there = session.exec(select(tables.ModelVersion.number).where(tables.ModelVersion.model == model).limit(1)).first()
    return f"`headrace models {model}` lists them" if there is not None else "there is none yet: `headrace apply` trains the first one"


def find(session: Session, model: str, which: str) -> Version:
    """A version by what a person types: a number, `v` and a number, `latest`, an alias, a SemVer, or a stage, whose newest version it is.

    HeadraceError: `no-version` where nothing is called that, `version-withdrawn` where it was taken out of use.
    """
    number = which.removeprefix("v")
    if number.isascii() and number.isdigit():
        return _standing(session, get(session, model, int(number)))
    alias = session.get(tables.Alias, (model, which))
    if alias is not None:
        return get(session, model, alias.number)
    if "." in which:
        found = _numbered(session, model, VersionIndex.precedence == SemVer.parse(which).precedence, withdrawn=True)
    elif which == "latest":
        found = _numbered(session, model)
    else:
        found = _numbered(session, model, VersionIndex.stage == which) if which in list(Stage) else None
    if found is None:
        raise HeadraceError(Diagnostic("no-version", f"model/{model} has no version `{which}`", help=_others(session, model)), Exit.FAILED)
    return _standing(session, get(session, model, found))


def _numbered(session: Session, model: str, *meant: Any, withdrawn: bool = False) -> int | None:  # noqa: ANN401 - a condition
    """The newest of these that is in use."""
    query = select(VersionIndex.number).where(VersionIndex.model == model, *meant)
    if not withdrawn:
        query = query.where(col(VersionIndex.withdrawn_at).is_(None))
    return session.exec(query.order_by(col(VersionIndex.number).desc()).limit(1)).first()


def _standing(session: Session, version: Version) -> Version:
    """HeadraceError `version-withdrawn` where it was taken out of use."""
    refuse_withdrawn(session, version.model, version.number)
    return version


def refuse_withdrawn(session: Session, model: str, number: int) -> None:
    """HeadraceError `version-withdrawn` where a version was taken out of use."""
    found = session.exec(select(VersionIndex).where(VersionIndex.model == model, VersionIndex.number == number)).first()
    if found is not None and found.withdrawn_at is not None:
        message = f"model/{model} v{number} was withdrawn by {found.withdrawn_by}: {found.withdrawn_reason}"
        help_ = f"`headrace models list {model} --withdrawn` shows it among the others"
        raise HeadraceError(Diagnostic("version-withdrawn", message, help=help_), Exit.REFUSED)
