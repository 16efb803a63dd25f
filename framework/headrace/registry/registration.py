"""How a version gets its number, and what it must say about where it came from."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlmodel import func, select

from headrace.diagnostics import Diagnostic, Exit, HeadraceError
from headrace.registry.card_evidence import Declared
from headrace.registry.card_writing import write_card
from headrace.registry.version import Version, digest_of, value_of
from headrace.store import Store, events, tables

_LINEAGE = ("data", "spec", "code", "environment")
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
    said: Declared | None = None,
) -> Version:
    """Keep a trained model under the next number: 1, 2, 3 … without a gap, however many register at once.

    `manifest["digests"]` must name `data`, `spec`, `code` and `environment`; `model`, `algorithm`, `number` and the model's own digest are
    added. Its first card is written with it, by what the project `said` of the model. HeadraceError `incomplete-lineage` where a digest is
    missing. Writes the events card.written and candidate.registered.
    """
    lacking = [part for part in _LINEAGE if not _DIGEST.fullmatch(str(manifest.get("digests", {}).get(part, "")))]
    if lacking:
        raise HeadraceError(
            Diagnostic("incomplete-lineage", f"model/{model} cannot be registered: its manifest has no digest of {', '.join(lacking)}")
        )
    model_digest = store.blobs.put(model_bytes)
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
        write_card(session, value_of(row), at=at, said=said)
        session.add(row)
        session.flush()
        payload = {"number": number, "run_id": run_id, "manifest_digest": row.manifest_digest, "metrics": whole.get("metrics", {})}
        events.append(session, model=model, kind=events.EventKind.CANDIDATE_REGISTERED, payload=payload, at=at)
        return value_of(row)


def adopt(store: Store, version: Version, *, actor: str) -> None:
    """Keep a version that another store registered, as it is; its bytes are among the blobs already.

    HeadraceError `version-conflict` where the number is another version's here, or is not the next one. Its card is a draft of what its
    manifest says. Writes card.written and candidate.registered.
    """
    with store.transaction(actor, "register", f"model/{version.model}") as session:
        newest = session.exec(select(func.max(tables.ModelVersion.number)).where(tables.ModelVersion.model == version.model)).one() or 0
        if version.number != newest + 1:
            why = "is another one here" if version.number <= newest else f"is not the next one: the newest here is v{newest}"
            help_ = "take them into a project that has no version of this model"
            raise HeadraceError(Diagnostic("version-conflict", f"{version} {why}", help=help_), Exit.REFUSED)
        write_card(session, version, at=store.clock.now())
        session.add(tables.ModelVersion(**{name: getattr(version, name) for name in Version.__dataclass_fields__}))
        payload = {
            "number": version.number,
            "run_id": version.run_id,
            "manifest_digest": version.manifest_digest,
            "metrics": version.manifest.get("metrics", {}),
        }
        events.append(session, model=version.model, kind=events.EventKind.CANDIDATE_REGISTERED, payload=payload, at=store.clock.now())
