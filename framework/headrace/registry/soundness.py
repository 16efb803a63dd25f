"""Whether a version is what was registered: its manifest, its bytes, all that it names, and what was signed about it."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from sqlmodel import Session, select

from headrace.diagnostics import HeadraceError
from headrace.identity.signing import Verifier
from headrace.registry import provenance, signed
from headrace.registry.version import Version, digest_of
from headrace.store import EventKind, Store, digest, events
from headrace.store.attested import Attestation
from headrace.store.tables import Resource

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePublicKey

__all__ = ["Checked", "checked"]

State = Literal["passed", "failed", "unsigned"]


@dataclass(frozen=True, slots=True)
class Checked:
    """One thing that was looked at: `unsigned` is what nobody signed, which is said and is no failure."""

    id: str
    state: State
    said: str


def checked(store: Store, version: Version, trusted: Verifier | None, signers: Sequence[EllipticCurvePublicKey] = ()) -> list[Checked]:
    """Every check of a version, none left out because another failed.

    `trusted` is the key that its provenance must be signed by; `signers` are those by one of which it must be signed as `sign` does.
    """
    with store.read() as session:
        names = _names(session, version.model)
    found = [_manifest(version, names), *_bytes(store, version)]
    with store.read() as session:
        found.append(_provenance(session, version, trusted))
        row = provenance.newest(session, version, signed.KIND)
        gone = row is None and _was_attested(session, version, signed.KIND)
    if row is not None:
        found.append(_signature(store, version, row, signers))
    elif gone:
        found.append(Checked(signed.KIND, "failed", "the log says that it was signed, and the signature is gone"))
    elif signers:
        found.append(Checked(signed.KIND, "failed", "it is not signed by any of the keys that were given"))
    return found


def named_blobs(manifest: Mapping[str, Any]) -> dict[str, str]:
    """The blobs that a manifest names, by what they are; `spec` is a digest of what was asked for, and no blob."""
    digests = manifest["digests"]
    beside = {
        "data": digests.get("data"),
        "code": digests.get("code"),
        "environment": digests.get("environment"),
        "reference": manifest.get("reference"),
        "profile": manifest.get("profile"),
        "baseline": (manifest.get("baseline") or {}).get("digest"),
        "trials": (manifest.get("tuned") or {}).get("trials"),
    }
    return {"model": digests["model"], **{name: held for name, held in beside.items() if held is not None}}


def _names(session: Session, model: str) -> set[str]:
    """What a model is called, and what it was called before it was renamed."""
    row = session.exec(select(Resource).where(Resource.address == f"model/{model}")).first()
    return {model, *(str(name).removeprefix("model/") for name in (row.applied.get("before", ()) if row is not None else ()))}


def _manifest(version: Version, names: Collection[str]) -> Checked:
    if digest_of(version.manifest) != version.manifest_digest:
        return Checked("manifest", "failed", f"it is not the one that was registered, {version.manifest_digest}")
    told = version.manifest
    if (told.get("model") in names, told.get("number"), told.get("algorithm"), told["digests"].get("model")) != (
        True,
        version.number,
        version.algorithm,
        version.model_digest,
    ):
        return Checked("manifest", "failed", "it is another version's")
    return Checked("manifest", "passed", version.manifest_digest)


def _bytes(store: Store, version: Version) -> Iterator[Checked]:
    for name, held in named_blobs(version.manifest).items():
        try:
            size = len(store.blobs.get(held))
        except HeadraceError as error:
            yield Checked(name, "failed", "; ".join(fault.message for fault in error.report))
        else:
            yield Checked(name, "passed", f"{held}, {size:,} bytes")


def _provenance(session: Session, version: Version, trusted: Verifier | None) -> Checked:
    row = provenance.newest(session, version, provenance.KIND)
    if row is None:
        if _was_attested(session, version, provenance.KIND):
            return Checked(provenance.KIND, "failed", "the log says that it was signed, and its statement is gone")
        return Checked(provenance.KIND, "unsigned", "nobody signed where it came from")
    if digest(row.body.encode()) != row.digest:
        return Checked(provenance.KIND, "failed", "its statement was altered after it was written")
    if trusted is None:
        return Checked(provenance.KIND, "failed", f"no key is here to hold it against: it names the key {row.key[:12]}")
    why = provenance.disagrees(row.body, version, trusted)
    if why is not None:
        return Checked(provenance.KIND, "failed", why)
    return Checked(provenance.KIND, "passed", f"signed by the key {trusted.keyid[:12]}, run {version.run_id}")


def _signature(store: Store, version: Version, row: Attestation, signers: Sequence[EllipticCurvePublicKey]) -> Checked:
    if digest(row.body.encode()) != row.digest:
        return Checked(signed.KIND, "failed", "it was altered after it was written")
    if not signers:
        return Checked(signed.KIND, "unsigned", f"it names the key {row.key[:12]}: give its public half by `--key`")
    reasons = [signed.disagrees(store, version, row.body, signer) for signer in signers]
    if None in reasons:
        return Checked(signed.KIND, "passed", f"signed by the key {signed.keyid(signers[reasons.index(None)])[:12]}")
    return Checked(signed.KIND, "failed", str(reasons[0]))


def _was_attested(session: Session, version: Version, kind: str) -> bool:
    said = events.log(session, version.model, (EventKind.VERSION_ATTESTED,))
    return any(event.payload.get("number") == version.number and event.payload.get("kind") == kind for event in said)


def statement_of(store: Store, version: Version) -> str | None:
    """The newest provenance of a version as it was signed, a DSSE envelope in JSON; None where nobody signed one."""
    with store.read() as session:
        row = provenance.newest(session, version, provenance.KIND)
    return None if row is None else row.body
