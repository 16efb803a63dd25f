"""What a version says of where it came from, signed: an in-toto statement (v1) with SLSA's provenance (v1), in a DSSE envelope.

https://in-toto.io/Statement/v1, https://slsa.dev/provenance/v1. It can be checked without the store, by the public half of the key.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlmodel import Session, col, select

from headrace import __version__
from headrace.identity import envelope
from headrace.identity.signing import Signer, Verifier
from headrace.registry.version import UNSAFE, Version
from headrace.store import digest, events
from headrace.store.attested import Attestation

__all__ = ["KIND", "PAYLOAD", "disagrees", "newest", "statement", "write"]

KIND = "provenance"
PAYLOAD = "application/vnd.in-toto+json"
STATEMENT = "https://in-toto.io/Statement/v1"
PREDICATE = "https://slsa.dev/provenance/v1"
BUILD = "urn:headrace:build:train:1"
BUILDER = "urn:headrace:builder"
_MATERIALS = ("data", "spec", "code", "environment")


def statement(version: Version) -> dict[str, Any]:
    """What is signed of a version: its model and manifest by their digests, what they were made of, by what, and in which run."""
    manifest = version.manifest
    model = manifest.get("model", version.model)  # as it was called when it was registered
    return {
        "_type": STATEMENT,
        "subject": [
            {"name": f"model/{model}@{version.number}", "digest": _named(version.model_digest)},
            {"name": f"model/{model}@{version.number}/manifest", "digest": _named(version.manifest_digest)},
        ],
        "predicateType": PREDICATE,
        "predicate": {
            "buildDefinition": {
                "buildType": BUILD,
                "externalParameters": {
                    "model": model,
                    "algorithm": version.algorithm,
                    **_told(manifest, "params", "seed", "as_of"),
                },
                "internalParameters": _told(manifest, "machine", "plugins", UNSAFE),
                "resolvedDependencies": [{"name": name, "digest": _named(held)} for name, held in materials(manifest).items()],
            },
            "runDetails": {
                "builder": {"id": BUILDER, "version": {"headrace": __version__}},
                "metadata": {"invocationId": version.run_id, "finishedOn": _moment(version.created_at)},
            },
        },
    }


def materials(manifest: Mapping[str, Any]) -> dict[str, str]:
    """What a version was made of, by name: data, spec, code, environment, and each source that was read."""
    digests = manifest["digests"]
    return {name: digests[name] for name in _MATERIALS} | {
        f"source/{name}": held for name, held in sorted(manifest.get("sources", {}).items())
    }


def write(session: Session, version: Version, signer: Signer, *, actor: str, at: datetime) -> None:
    """Sign the statement of a version and keep it, in the transaction that registers it. Writes the event version.attested."""
    import rfc8785

    sealed = envelope.sealed(PAYLOAD, rfc8785.dumps(statement(version)), signer)
    keep(session, version, kind=KIND, media_type=PAYLOAD, key=signer.verifier.keyid, body=json.dumps(sealed), actor=actor, at=at)


def keep(session: Session, version: Version, *, kind: str, media_type: str, key: str, body: str, actor: str, at: datetime) -> None:
    """Keep one signed statement about a version, and say so in the log."""
    name = digest(body.encode())
    session.add(
        Attestation(
            model=version.model,
            number=version.number,
            kind=kind,
            media_type=media_type,
            key=key,
            digest=name,
            body=body,
            actor=actor,
            at=at,
        )
    )
    session.flush()
    payload = {"number": version.number, "kind": kind, "key": key, "digest": name}
    events.append(session, model=version.model, kind=events.EventKind.VERSION_ATTESTED, payload=payload, at=at)


def newest(session: Session, version: Version, kind: str) -> Attestation | None:
    """The last statement of a kind about a version."""
    query = select(Attestation).where(Attestation.model == version.model, Attestation.number == version.number, Attestation.kind == kind)
    return session.exec(query.order_by(col(Attestation.at).desc(), col(Attestation.id).desc())).first()


def disagrees(body: str, version: Version, verifier: Verifier) -> str | None:
    """Why an envelope is not the provenance of this version, or None where it is: signed by the key, and of these digests.

    What the statement must say is made anew of the version, so that nothing in it can be another; only who made it may be a different
    release.
    """
    try:
        told = json.loads(envelope.opened(body, PAYLOAD, verifier))
    except ValueError as error:
        return str(error)
    wanted = json.loads(json.dumps(statement(version)))
    for found in (told, wanted):
        try:
            found["predicate"]["runDetails"]["builder"].pop("version", None)
        except (KeyError, TypeError, AttributeError):
            return "its statement is none of provenance"
    if told == wanted:
        return None
    if told.get("subject") != wanted["subject"]:
        return "it is of another model's bytes or manifest"
    return "what it says the version was made of is not what its manifest says"


def _told(manifest: Mapping[str, Any], *names: str) -> dict[str, Any]:
    return {name: manifest[name] for name in names if manifest.get(name) is not None}


def _named(held: str) -> dict[str, str]:
    """A digest as in-toto has it: the algorithm, and the hex digits."""
    algorithm, _, digits = held.partition(":")
    return {algorithm: digits}


def _moment(at: datetime) -> str:
    return at.isoformat(timespec="seconds").replace("+00:00", "Z")
