"""How a version gets its number, and what it must say about where it came from."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlmodel import func, select

from headrace.address import NAME
from headrace.diagnostics import Diagnostic, Exit, HeadraceError
from headrace.hooks.inert import refuse_code
from headrace.identity.signing import signer
from headrace.registry import provenance
from headrace.registry.version import Version, digest_of, value_of
from headrace.store import Store, events, tables
from headrace.transforms import unpack

_LINEAGE = ("data", "spec", "code", "environment")
_CODE = frozenset({"pickle", "cloudpickle", "dill", "joblib"})
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
) -> Version:
    """Keep a trained model under the next number: 1, 2, 3 … without a gap, however many register at once.

    `manifest["digests"]` must name `data`, `spec`, `code` and `environment`; `model`, `algorithm`, `number` and the model's own digest are
    added. HeadraceError `incomplete-lineage` where a digest is missing, `unsafe-format` where reading the bytes may run code. Writes the
    events candidate.registered and, where the project can sign, version.attested.
    """
    lacking = [part for part in _LINEAGE if not _DIGEST.fullmatch(str(manifest.get("digests", {}).get(part, "")))]
    if lacking:
        raise HeadraceError(
            Diagnostic("incomplete-lineage", f"model/{model} cannot be registered: its manifest has no digest of {', '.join(lacking)}")
        )
    _refuse_code(model_bytes, format, model)
    model_digest = store.blobs.put(model_bytes)
    key = signer(store.root)
    # The store lets one transaction write at a time, so the next number is nobody else's.
    with store.transaction(actor, "register", f"model/{model}") as session:
        newest = session.exec(select(func.max(tables.ModelVersion.number)).where(tables.ModelVersion.model == model)).one()
        number = (newest or 0) + 1
        whole = {
            **manifest,
            "model": model,
            "number": number,
            "algorithm": algorithm,
            "digests": {**manifest["digests"], "model": model_digest},
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
        session.add(row)
        session.flush()
        payload = {"number": number, "run_id": run_id, "manifest_digest": row.manifest_digest, "metrics": whole.get("metrics", {})}
        events.append(session, model=model, kind=events.EventKind.CANDIDATE_REGISTERED, payload=payload, at=at)
        version = value_of(row)
        if key is not None:
            provenance.write(session, version, key, actor=actor, at=at)
        return version


def _refuse_code(data: bytes, format_: str, model: str) -> None:
    what = f"what model/{model} would register"
    if format_.lower() in _CODE:
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
    `unsafe-name` where the model has a name that no model has. Writes candidate.registered.
    """
    if not NAME.fullmatch(version.model):
        raise HeadraceError(Diagnostic("unsafe-name", f"`{version.model[:80]!a}` is no name of a model"), Exit.REFUSED)
    _refuse_code(store.blobs.get(version.model_digest), version.format, version.model)
    with store.transaction(actor, "register", f"model/{version.model}") as session:
        newest = session.exec(select(func.max(tables.ModelVersion.number)).where(tables.ModelVersion.model == version.model)).one() or 0
        if version.number != newest + 1:
            why = "is another one here" if version.number <= newest else f"is not the next one: the newest here is v{newest}"
            help_ = "take them into a project that has no version of this model"
            raise HeadraceError(Diagnostic("version-conflict", f"{version} {why}", help=help_), Exit.REFUSED)
        session.add(tables.ModelVersion(**{name: getattr(version, name) for name in Version.__dataclass_fields__}))
        payload = {
            "number": version.number,
            "run_id": version.run_id,
            "manifest_digest": version.manifest_digest,
            "metrics": version.manifest.get("metrics", {}),
        }
        events.append(session, model=version.model, kind=events.EventKind.CANDIDATE_REGISTERED, payload=payload, at=store.clock.now())
