"""To an MLflow server: each thing is marked as there by its last call, so that what was stopped before is done again, to the same end."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from headrace.hooks import AliasRecord, Outgoing, RunRecord, Sent, Skipped, VersionRecord
from headrace_mlflow import MlflowError, Params, flavour, said
from headrace_mlflow.api import Api, RefusedError

_RUNS, _METRICS, _VALUES, _VERSIONS = 1000, 1000, 100, 1000
"""What one call may have: runs of a page, metrics, params or tags, versions of a page."""


def push(outgoing: Outgoing, params: Params) -> Iterator[Sent | Skipped]:
    """Runs, then versions, then aliases."""
    with Api(params) as api:
        there = _There(api, params.prefix)
        for run in outgoing.runs:
            yield _run(there, run)
        for version in outgoing.versions:
            yield _version(there, version)
        for record in outgoing.aliases:
            yield from _aliases(there, record)


@dataclass(frozen=True, slots=True)
class _Held:
    """A run as the server has it; `digest` None where its push did not end, and where it is no run of ours."""

    id: str
    root: str
    digest: str | None
    ours: bool
    params: Mapping[str, str]


@dataclass(slots=True)
class _There:
    """What the server has, asked once an experiment and a model."""

    api: Api
    prefix: str
    experiments: dict[str, str] = field(default_factory=dict)
    runs: dict[str, _Held] = field(default_factory=dict)
    models: dict[str, dict[int, dict[str, str]]] = field(default_factory=dict)

    def experiment(self, name: str) -> str:
        """Its id, made where it is not there."""
        if name not in self.experiments:
            self.experiments[name] = found = _experiment(self.api, self.prefix + name)
            asked = {"experiment_ids": [found], "run_view_type": "ACTIVE_ONLY", "max_results": _RUNS}
            for run in self.api.pages("POST", "runs/search", asked, "runs"):
                info, data = run["info"], run.get("data", {})
                tags = said.pairs(data.get("tags"))
                held = _Held(
                    info["run_id"], info["artifact_uri"], tags.get(said.DIGEST), said.RUN_ID in tags, said.pairs(data.get("params"))
                )
                self.runs.setdefault(tags.get(said.RUN_ID, info["run_id"]), held)
        return self.experiments[name]

    def versions(self, model: str) -> dict[int, dict[str, str]]:
        """The tags of a registered model's versions by number; it is made where it is not there."""
        if model not in self.models:
            name = self.prefix + model
            try:
                self.api.post("registered-models/create", {"name": name})
            except RefusedError as error:
                if error.code != "RESOURCE_ALREADY_EXISTS":
                    raise
            asked = {"filter": f"name='{name}'", "max_results": _VERSIONS}
            found = self.api.pages("GET", "model-versions/search", asked, "model_versions")
            self.models[model] = {int(item["version"]): said.pairs(item.get("tags")) for item in found}
        return self.models[model]


def _experiment(api: Api, name: str) -> str:
    try:
        found = api.get("experiments/get-by-name", {"experiment_name": name})["experiment"]
    except RefusedError as error:
        if error.code != "RESOURCE_DOES_NOT_EXIST":
            raise
    else:
        if found["lifecycle_stage"] != "active":
            raise MlflowError(f"the experiment `{name}` was deleted in MLflow: restore it there, or give a `prefix`")
        return str(found["experiment_id"])
    return str(api.post("experiments/create", {"name": name})["experiment_id"])


def _run(there: _There, run: RunRecord) -> Sent:
    what, api = f"run {run.id}", there.api
    experiment = there.experiment(run.experiment)
    held, digest = there.runs.get(run.id), run.digest
    if held is not None and (held.digest == digest or not held.ours):
        return Sent(what, "unchanged")
    params = {said.name(name): said.value(value, said.PARAM) for name, value in run.params.items()}
    if held is not None and any(params.get(name, old) != old for name, old in held.params.items()):
        # A run that was tried again for something else; MLflow's params never change.
        api.post("runs/delete", {"run_id": held.id})
        held = None
    outcome = "created" if held is None or held.digest is None else "updated"
    if held is None:
        held = _created(api, run, experiment, there.prefix)
    _values(api, held.id, run, params, there)
    _artifacts(api, held, run)
    ended = {} if run.ended_at is None else {"end_time": said.milliseconds(run.ended_at)}
    api.post("runs/update", {"run_id": held.id, "status": said.STATUS[run.status], **ended})
    api.post("runs/set-tag", {"run_id": held.id, "key": said.DIGEST, "value": digest})
    there.runs[run.id] = _Held(held.id, held.root, digest, ours=True, params=params)
    return Sent(what, outcome)  # type: ignore[arg-type]


def _created(api: Api, run: RunRecord, experiment: str, prefix: str) -> _Held:
    body = {
        "experiment_id": experiment,
        "user_id": run.actor,
        "run_name": run.name or run.id,
        "start_time": said.milliseconds(run.started_at),
        # With the run itself: so a push that stops after this call finds it again.
        "tags": [{"key": said.RUN_ID, "value": run.id}, *_prefixed(prefix)],
    }
    info = api.post("runs/create", body)["run"]["info"]
    return _Held(info["run_id"], info["artifact_uri"], None, ours=True, params={})


def _prefixed(prefix: str) -> list[dict[str, str]]:
    return [{"key": said.PREFIX, "value": prefix}] if prefix else []


def _values(api: Api, mlflow_id: str, run: RunRecord, params: Mapping[str, str], there: _There) -> None:
    tags = {said.name(name): said.value(value, said.TAG) for name, value in run.tags.items()} | _own_tags(run, there)
    points = [
        {"key": said.name(name), "value": said.number(point.value), "timestamp": said.milliseconds(point.at), "step": point.step}
        for name, history in run.metrics.items()
        for point in history
    ]
    for kind, items, most in (("params", _listed(params), _VALUES), ("metrics", points, _METRICS), ("tags", _listed(tags), _VALUES)):
        for part in said.parts(items, most):
            api.post("runs/log-batch", {"run_id": mlflow_id, kind: part})


def _listed(values: Mapping[str, str]) -> list[dict[str, str]]:
    return [{"key": key, "value": value} for key, value in values.items()]


def _own_tags(run: RunRecord, there: _There) -> dict[str, str]:
    plain: dict[str, Any] = {
        "headrace.model": run.model,
        "headrace.version": run.version,
        "headrace.flow": run.flow,
        "headrace.error": run.error,
        "mlflow.user": run.actor,
        "mlflow.source.git.commit": run.digests.get("commit"),
        **{said.name(f"headrace.digest.{name}"): digest for name, digest in run.digests.items()},
    }
    parent = there.runs.get(run.parent) if run.parent is not None else None
    found = {name: said.value(value, said.TAG) for name, value in plain.items() if value is not None}
    return found | ({"mlflow.parentRunId": parent.id} if parent is not None else {})


def _artifacts(api: Api, held: _Held, run: RunRecord) -> None:
    newest = {item.name: item.version for item in sorted(run.artifacts, key=lambda item: item.version)}
    for item in run.artifacts:
        api.upload(held.root, said.path(item, newest[item.name]), item.read())
    api.upload(held.root, said.RECORD, run.to_json().encode())


def _version(there: _There, version: VersionRecord) -> Sent | Skipped:
    what, api, name = f"model/{version.model} v{version.number}", there.api, there.prefix + version.model
    held = there.versions(version.model)
    if version.number in held:
        if held[version.number].get(said.MANIFEST) == version.manifest_digest:
            return Sent(what, "unchanged")
        raise MlflowError(
            f"MLflow's `{name}` has another version {version.number}, which is not {what}: give a `prefix`, or delete `{name}` there"
        )
    if any(number > version.number for number in held):
        return Skipped(what, f"MLflow's `{name}` goes on after it: it was deleted there, and MLflow gives no number twice")
    run = there.runs.get(version.run_id)
    if run is None:
        return Skipped(what, f"its run {version.run_id} is not tracked, and MLflow keeps a model with its run")
    folder = f"headrace/models/{version.model}-v{version.number}"
    for file, data in flavour.files(version, version.read()).items():
        api.upload(run.root, f"{folder}/{file}", data)
    body = {
        "name": name,
        "source": f"runs:/{run.id}/{folder}",
        "run_id": run.id,
        "tags": [
            {"key": said.MANIFEST, "value": version.manifest_digest},
            {"key": "headrace.model_digest", "value": version.model_digest},
            *_prefixed(there.prefix),
        ],
    }
    made = int(api.post("model-versions/create", body)["model_version"]["version"])
    if made != version.number:
        api.post("model-versions/delete", {"name": name, "version": str(made)}, "DELETE")
        raise MlflowError(f"MLflow gave {what} the number {made}, since `{name}` had others: give a `prefix`, or delete `{name}` there")
    held[made] = {said.MANIFEST: version.manifest_digest}
    return Sent(what, "created")


def _aliases(there: _There, record: AliasRecord) -> Iterator[Sent | Skipped]:
    api, name = there.api, there.prefix + record.model
    held = there.versions(record.model)
    lacking = {alias: number for alias, number in record.aliases.items() if said.MANIFEST not in held.get(number, {})}
    for alias, number in lacking.items():
        yield Skipped(f"model/{record.model}@{alias}", f"MLflow's `{name}` has no v{number} from here")
    model = api.get("registered-models/get", {"name": name})["registered_model"]
    theirs = {item["alias"]: int(item["version"]) for item in model.get("aliases", ())}
    tag = said.pairs(model.get("tags")).get(said.ALIASES)
    before = json.loads(tag) if tag is not None else []
    ours = {alias: number for alias, number in record.aliases.items() if alias not in lacking}
    moved = {alias: number for alias, number in ours.items() if theirs.get(alias) != number}
    # What others called so stays: only what was set from here is taken away.
    gone = [alias for alias in before if alias not in record.aliases and alias in theirs]
    for alias, number in moved.items():
        api.post("registered-models/alias", {"name": name, "alias": alias, "version": str(number)})
    for alias in gone:
        api.post("registered-models/alias", {"name": name, "alias": alias}, "DELETE")
    if before != sorted(ours):
        api.post("registered-models/set-tag", {"name": name, "key": said.ALIASES, "value": json.dumps(sorted(ours))})
    outcome = "unchanged" if not moved and not gone and before == sorted(ours) else "created" if tag is None else "updated"
    yield Sent(f"aliases of model/{record.model}", outcome)  # type: ignore[arg-type]
