"""What a run's start and end are in OpenLineage: events by the published schema (2-0-2), the model as an output dataset.

https://openlineage.io/spec/2-0-2/OpenLineage.json. Our own facets are described by `facets.json` beside this module.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlmodel import Session, select

from headrace import __version__, registry
from headrace.registry import Version
from headrace.store import EventKind, tables
from headrace.store.kinds import RunStatus

__all__ = ["KINDS", "told"]

SCHEMA = "https://openlineage.io/spec/2-0-2/OpenLineage.json#/$defs/RunEvent"
OWN = "urn:headrace:openlineage:1"
PRODUCER = f"urn:headrace:producer:{__version__}"
KINDS = (EventKind.RUN_STARTED, EventKind.RUN_ENDED)
_FACETS = "https://openlineage.io/spec/facets"


def told(session: Session, event: tables.Event, project: str) -> dict[str, Any] | None:
    """A run.started or run.ended of the log as OpenLineage has it; None where the run has no id that OpenLineage could name."""
    try:
        run_id = str(UUID(event.payload["run_id"]))
    except (KeyError, ValueError, AttributeError, TypeError):
        return None
    flow = str(event.payload["flow"])
    version = registry.by_run(session, event.payload["run_id"]) if flow == "train" else None
    ended = event.kind is EventKind.RUN_ENDED
    failed = ended and event.payload.get("status") == RunStatus.FAILED.value
    again = bool(event.payload.get("again"))
    namespace = f"headrace://{project}"
    return {
        "eventTime": _moment(event.at),
        "eventType": ("FAIL" if failed else "COMPLETE") if ended else ("RUNNING" if again else "START"),
        "producer": PRODUCER,
        "schemaURL": SCHEMA,
        "run": {"runId": run_id, "facets": _run(session, event, failed=failed)},
        "job": {
            "namespace": namespace,
            "name": f"{event.model}/{flow}",
            "facets": {
                "jobType": _facet("2-0-4/JobTypeJobFacet.json", processingType="BATCH", integration="HEADRACE", jobType=flow.upper())
            },
        },
        "inputs": _sources(version, namespace) if ended and not failed and version is not None else [],
        "outputs": [_model(version, namespace)] if ended and not failed and version is not None else [],
    }


def _run(session: Session, event: tables.Event, *, failed: bool) -> dict[str, Any]:
    facets = {"processing_engine": _facet("1-1-1/ProcessingEngineRunFacet.json", name="headrace", version=__version__)}
    if failed:
        error = event.payload.get("error")
        if error is None:
            row = session.exec(select(tables.Run).where(tables.Run.id == event.payload["run_id"])).first()
            error = row.details.get("error") if row is not None else None
        message = str(error or "it ended without a word")
        facets["errorMessage"] = _facet("1-0-1/ErrorMessageRunFacet.json", message=message, programmingLanguage="PYTHON")
    return facets


def _sources(version: Version, namespace: str) -> list[dict[str, Any]]:
    """The content of each source that was read, and the rows that were made of it."""
    held = {f"sources/{name}": digest for name, digest in sorted(version.manifest.get("sources", {}).items())}
    held[f"models/{version.model}/rows"] = version.manifest["digests"]["data"]
    return [{"namespace": namespace, "name": name, "facets": {"version": _version(digest)}} for name, digest in held.items()]


def _model(version: Version, namespace: str) -> dict[str, Any]:
    manifest = version.manifest
    metrics = {name: value for name, value in manifest.get("metrics", {}).items() if isinstance(value, int | float)}
    return {
        "namespace": namespace,
        "name": f"models/{version.model}@{version.model_digest}",
        "facets": {
            "version": _version(str(version.number)),
            "headrace_model": _own(
                "HeadraceModelDatasetFacet",
                number=version.number,
                algorithm=version.algorithm,
                format=version.format,
                modelDigest=version.model_digest,
                manifestDigest=version.manifest_digest,
                digests={name: manifest["digests"][name] for name in ("data", "spec", "code", "environment")},
            ),
            "headrace_evaluation": _own("HeadraceEvaluationDatasetFacet", metrics=metrics, reference=manifest.get("reference")),
        },
    }


def _version(said: str) -> dict[str, Any]:
    return _facet("1-0-1/DatasetVersionDatasetFacet.json", datasetVersion=said)


def _facet(schema: str, **fields: Any) -> dict[str, Any]:  # noqa: ANN401 - JSON
    name = schema.rpartition("/")[2].removesuffix(".json")
    return {"_producer": PRODUCER, "_schemaURL": f"{_FACETS}/{schema}#/$defs/{name}", **_given(fields)}


def _own(name: str, **fields: Any) -> dict[str, Any]:  # noqa: ANN401 - JSON
    return {"_producer": PRODUCER, "_schemaURL": f"{OWN}#/$defs/{name}", **_given(fields)}


def _given(fields: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in fields.items() if value is not None}


def _moment(at: datetime) -> str:
    return at.isoformat().replace("+00:00", "Z")
