"""From an MLflow server: what Headrace sent, exactly as it was; what others logged, as MLflow has it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from hashlib import sha256
from typing import Any

from headrace.hooks import AliasRecord, Incoming, Known, Left, Point, RunRecord, Skipped, VersionRecord, parents_first
from headrace_mlflow import MlflowError, Params, flavour, said
from headrace_mlflow.api import Api, RefusedError

_PAGE, _POINTS = 1000, 25_000
"""Runs, experiments, models or versions of a page, and points of a metric's history."""
_WORDS = {told: mine for mine, told in said.STATUS.items()}


def pull(params: Params, *, known: Known) -> Iterator[Incoming]:
    """Runs by their start, a parent before its children; then versions by number; then aliases."""
    with Api(params) as api:
        yield from _runs(api, params.prefix, known)
        yield from _models(api, params.prefix, known)


@dataclass(frozen=True, slots=True)
class _Run:
    """A run as a search gives it, with its experiment's name here and its id here."""

    experiment: str
    info: dict[str, Any]
    data: dict[str, Any]
    tags: dict[str, str]

    @property
    def id(self) -> str:
        return self.tags.get(said.RUN_ID) or str(self.info["run_id"])


def _runs(api: Api, prefix: str, known: Known) -> Iterator[RunRecord | Skipped]:
    asked: dict[str, Any] = {"max_results": _PAGE, "view_type": "ACTIVE_ONLY"}
    named = {item["experiment_id"]: item["name"] for item in api.pages("POST", "experiments/search", asked, "experiments")}
    found: dict[str, _Run] = {}
    for experiment, name in named.items():
        if not name.startswith(prefix):
            continue
        asked = {"experiment_ids": [experiment], "run_view_type": "ACTIVE_ONLY", "max_results": _PAGE}
        for run in api.pages("POST", "runs/search", asked, "runs"):
            data = run.get("data", {})
            tags = said.pairs(data.get("tags"))
            if said.RUN_ID not in tags or tags.get(said.PREFIX, "") == prefix:
                found[run["info"]["run_id"]] = _Run(name.removeprefix(prefix), run["info"], data, tags)
    begun = sorted(found, key=lambda id_: (int(found[id_].info.get("start_time") or 0), id_))
    for id_ in parents_first({id_: found[id_].tags.get("mlflow.parentRunId") for id_ in begun}):
        if found[id_].id not in known.runs:
            yield _record(api, found[id_], found)


def _record(api: Api, run: _Run, found: dict[str, _Run]) -> RunRecord | Skipped:
    what = f"run {run.id}"
    if run.info["status"] not in ("FINISHED", "FAILED", "KILLED"):
        return Skipped(what, "it still runs: it is taken once it has ended")
    if said.RUN_ID not in run.tags:
        return _native(api, run, found)
    if said.DIGEST not in run.tags:
        return Skipped(what, "its push did not end: push it again from where it was made")
    return _ours(api, run)


def _ours(api: Api, run: _Run) -> RunRecord:
    root = run.info["artifact_uri"]
    data = api.download(root, said.RECORD)
    if (digest := f"sha256:{sha256(data).hexdigest()}") != run.tags[said.DIGEST]:
        raise MlflowError(
            f"`{said.RECORD}` of run {run.id} was altered on the server: its digest is {digest}, and it was sent as {run.tags[said.DIGEST]}"
        )
    paths: dict[tuple[str, int], str] = {}
    made = RunRecord.from_json(data.decode(), lambda name, version: api.download(root, paths[name, version]))
    newest = {item.name: item.version for item in sorted(made.artifacts, key=lambda item: item.version)}
    paths.update({(item.name, item.version): said.path(item, newest[item.name]) for item in made.artifacts})
    return made


def _native(api: Api, run: _Run, found: dict[str, _Run]) -> RunRecord:
    """A run that others logged: its id here is the one that it has there, and texts that are numbers are numbers."""
    info, parent = run.info, found.get(run.tags.get("mlflow.parentRunId", ""))
    started = said.moment(info.get("start_time") or 0)
    ended = said.moment(info["end_time"]) if info.get("end_time") else started
    history = {item["key"]: _history(api, run.id, item["key"]) for item in run.data.get("metrics", ())}
    return RunRecord(
        id=run.id,
        experiment=run.experiment,
        name=info.get("run_name") or None,
        model=None,
        version=None,
        flow=None,
        parent=parent.id if parent is not None else None,
        status=_WORDS[info["status"]],  # type: ignore[arg-type]
        started_at=started,
        ended_at=ended,
        seconds=(ended - started).total_seconds(),
        actor=f"mlflow:{run.tags.get('mlflow.user') or info.get('user_id') or 'unknown'}",
        error=None,
        dataset=None,
        params={name: said.meant(value) for name, value in said.pairs(run.data.get("params")).items()},
        tags={name: value for name, value in run.tags.items() if name != "mlflow.runName"},
        digests={},
        metrics=history,
        artifacts=tuple(_files(api, run.id, info["artifact_uri"], "")),
    )


def _history(api: Api, run_id: str, key: str) -> tuple[Point, ...]:
    asked = {"run_id": run_id, "metric_key": key, "max_results": _POINTS}
    points = api.pages("GET", "metrics/get-history", asked, "metrics")
    # MLflow leaves out what is 0 in some answers.
    made = [Point(int(item.get("step", 0)), said.measured(item.get("value", 0.0)), said.moment(item["timestamp"])) for item in points]
    return tuple(sorted(made, key=lambda point: (point.step, point.at)))


def _files(api: Api, run_id: str, root: str, folder: str) -> Iterator[Left]:
    asked = {"run_id": run_id, **({"path": folder} if folder else {})}
    for item in api.pages("GET", "artifacts/list", asked, "files"):
        if item.get("is_dir"):
            yield from _files(api, run_id, root, item["path"])
        else:
            yield Left(item["path"], 1, None, int(item.get("file_size", 0)), partial(api.download, root, item["path"]))


def _models(api: Api, prefix: str, known: Known) -> Iterator[VersionRecord | Skipped | AliasRecord]:
    aliases = []
    for model in api.pages("GET", "registered-models/search", {"max_results": _PAGE}, "registered_models"):
        name = model["name"]
        if not name.startswith(prefix):
            continue
        asked = {"filter": f"name='{name}'", "max_results": _PAGE}
        versions = {int(item["version"]): item for item in api.pages("GET", "model-versions/search", asked, "model_versions")}
        ours = set()
        for number, item in sorted(versions.items()):
            tags, here = said.pairs(item.get("tags")), name.removeprefix(prefix)
            digest = tags.get(said.MANIFEST)
            if digest is None:
                yield Skipped(f"model/{here} v{number}", "it was registered by others: it has no manifest that says what it was made of")
                continue
            if tags.get(said.PREFIX, "") != prefix:
                continue
            ours.add(number)
            if known.versions.get((here, number)) != digest:
                yield _version(api, item, here, digest)
        stand = {item["alias"]: int(item["version"]) for item in model.get("aliases", ()) if int(item["version"]) in ours}
        if stand:
            aliases.append(AliasRecord(name.removeprefix(prefix), dict(sorted(stand.items()))))
    yield from aliases


def _version(api: Api, item: dict[str, Any], model: str, digest: str) -> VersionRecord:
    what, source = f"model/{model} v{item['version']}", str(item.get("source", ""))
    run_id, _, folder = source.removeprefix("runs:/").partition("/")
    if not source.startswith("runs:/") or not folder:
        raise MlflowError(f"{what} stands at `{source[:200]}` in MLflow, and not with its run")
    try:
        root = api.get("runs/get", {"run_id": run_id})["run"]["info"]["artifact_uri"]
    except RefusedError as error:
        raise MlflowError(f"{what} cannot be read, as its run is gone: {error}") from None
    data, manifest = api.download(root, f"{folder}/{flavour.ABOUT}"), api.download(root, f"{folder}/{flavour.MANIFEST}")
    try:
        about = json.loads(data)
        about["created_at"] = datetime.fromisoformat(about["created_at"])
        made = VersionRecord(**about, manifest=manifest, read=partial(api.download, root, f"{folder}/{flavour.MODEL}"))
    except (ValueError, KeyError, TypeError):
        raise MlflowError(f"`{flavour.ABOUT}` of {what} was altered on the server: it cannot be read") from None
    if (made.model, made.number, made.manifest_digest) != (model, int(item["version"]), digest):
        raise MlflowError(f"{what} holds what was sent as model/{made.model} v{made.number}: it was registered again in MLflow")
    return made
