"""How a version gets its number, and what it must say about where it came from."""

from __future__ import annotations

import random
import re
import time
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy.exc import IntegrityError
from sqlmodel import Session, func, select

from headrace.diagnostics import Diagnostic, HeadraceError
from headrace.registry.version import Version, digest_of, value_of
from headrace.store import Store, events, tables

_LINEAGE = ("data", "spec", "code", "environment")
_DIGEST = re.compile(r"sha256:[0-9a-f]{64}")
_ATTEMPTS = 100


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

    `manifest["digests"]` must name `data`, `spec`, `code` and `environment`; `model` and `number` are added to it.
    HeadraceError `incomplete-lineage` where one is missing. Writes the event candidate.registered.
    """
    lacking = [part for part in _LINEAGE if not _DIGEST.fullmatch(str(manifest.get("digests", {}).get(part, "")))]
    if lacking:
        raise HeadraceError(
            Diagnostic("incomplete-lineage", f"model/{model} cannot be registered: its manifest has no digest of {', '.join(lacking)}")
        )
    model_digest = store.blobs.put(model_bytes)
    whole = {**manifest, "model": model, "algorithm": algorithm, "digests": {**manifest["digests"], "model": model_digest}}
    for attempt in range(_ATTEMPTS):
        try:
            with store.transaction(actor, "register", f"model/{model}") as session:
                number = _next(session, model)
                numbered = {**whole, "number": number}
                row = tables.ModelVersion(
                    model=model,
                    number=number,
                    run_id=run_id,
                    algorithm=algorithm,
                    format=format,
                    model_digest=model_digest,
                    manifest_digest=digest_of(numbered),
                    manifest=numbered,
                    created_at=at,
                )
                session.add(row)
                session.flush()
                version = value_of(row)
                payload = {"number": number, "run_id": run_id, "manifest": version.manifest_digest, "metrics": whole.get("metrics", {})}
                events.append(session, model=model, kind=events.EventKind.CANDIDATE_REGISTERED, payload=payload, at=at)
                return version
        except IntegrityError:
            # Another process took the number first: SQLite never comes here, PostgreSQL may.
            if attempt == _ATTEMPTS - 1:
                raise
            time.sleep(random.uniform(0.0, 0.02))
    raise AssertionError


def _next(session: Session, model: str) -> int:
    query = select(func.max(tables.ModelVersion.number)).where(tables.ModelVersion.model == model)
    return (session.exec(query).one() or 0) + 1
