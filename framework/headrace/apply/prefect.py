"""The one door to Prefect: what its API holds for a project, and the calls that change it; all of them may be repeated."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Mapping
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Self
from uuid import UUID, uuid4, uuid5

from headrace.apply import wire
from headrace.apply.wire import OPEN, TERMINAL, Run
from headrace.diagnostics import Diagnostic, HeadraceError
from headrace.plan.wanted import POOL, Automation, Deployment, Observed, named, title
from headrace.store import clock

if TYPE_CHECKING:
    import httpx

__all__ = ["OPEN", "SILENCE", "TERMINAL", "Door", "Run"]

PAGE = 200
"""The most items that Prefect gives at a time."""
SILENCE = timedelta(seconds=90)
"""A run that sent a heartbeat and then nothing for so long has crashed; the worker's runs send one every 30 s."""
BUSY = (0.5, 2.0, 5.0)
"""Seconds between attempts when the server answers 500: on SQLite that is how a busy database looks, and every call may be repeated."""


class Door:
    """What one Prefect server knows of one project; nothing that another project owns is read or touched.

    Raises HeadraceError `prefect-away` when the server does not answer, `prefect-refused` when it refuses a call.
    """

    def __init__(self, url: str, project: str) -> None:
        self.url = url.rstrip("/")
        self.project = project
        self.tag = wire.tag(project)
        self._made: Any = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Give the connections back."""
        if self._made is not None:
            self._made._client.close()  # noqa: SLF001 - the client's own context manager would start more than it closes
            self._made = None

    # The server ------------------------------------------------------------------------------------------------

    def ready(self, timeout: float = 2.0) -> bool:
        """Whether the server is healthy now; costs no import of Prefect."""
        import httpx

        try:
            return httpx.get(f"{self.url}/health", timeout=timeout, follow_redirects=True).status_code == httpx.codes.OK
        except httpx.HTTPError:
            return False

    def wait_ready(self, timeout: float = 60.0) -> None:
        """Return when the server is healthy; HeadraceError `prefect-away` after `timeout` seconds."""
        until = time.monotonic() + timeout
        while not self.ready():
            if time.monotonic() > until:
                raise self._away(f"no healthy answer for {timeout:g} s")
            time.sleep(0.2)

    def _away(self, why: str) -> HeadraceError:
        return HeadraceError(
            Diagnostic(
                "prefect-away",
                f"Prefect's server at {self.url} is away: {why}",
                help="start one with `headrace up`, or set PREFECT_API_URL to one that runs",
            )
        )

    def _call(self, method: str, path: str, body: object = None, *, missing_ok: bool = False, made_ok: bool = False) -> Any:  # noqa: ANN401 - JSON
        import httpx
        from prefect.client.orchestration import SyncPrefectClient
        from prefect.settings import PREFECT_API_AUTH_STRING, PREFECT_API_KEY

        if self._made is None:
            # It knows the server's credentials and CSRF tokens, and tries again when the server is busy.
            self._made = SyncPrefectClient(self.url, auth_string=PREFECT_API_AUTH_STRING.value(), api_key=PREFECT_API_KEY.value())
        client: Any = self._made
        for pause in (*BUSY, None):
            try:
                response = client.request(method, path, json=body)
            except httpx.HTTPStatusError as error:
                if (missing_ok and error.response.status_code == httpx.codes.NOT_FOUND) or (
                    made_ok and error.response.status_code == httpx.codes.CONFLICT
                ):
                    return None
                if error.response.status_code in {httpx.codes.INTERNAL_SERVER_ERROR, httpx.codes.SERVICE_UNAVAILABLE} and pause is not None:
                    time.sleep(pause)
                    continue
                raise self._refused(method, path, error.response) from error
            except httpx.HTTPError as error:
                raise self._away(f"{type(error).__name__} {error}".strip()) from error
            return response.json() if response.content else None
        raise AssertionError("the last attempt returns or raises")

    def _refused(self, method: str, path: str, response: httpx.Response) -> HeadraceError:
        message = f"Prefect refused {method} {path} with {response.status_code}: {response.text[:500]}"
        return HeadraceError(Diagnostic("prefect-refused", message, help="the server's own log tells more"))

    def _pages(self, path: str, body: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
        offset = 0
        while True:
            page: list[dict[str, Any]] = self._call("POST", path, {**body, "limit": PAGE, "offset": offset})
            yield from page
            if len(page) < PAGE:
                return
            offset += PAGE

    # What it holds ---------------------------------------------------------------------------------------------

    def observe(self) -> Observed:
        """All that is the project's: deployments by their names, automations by their tag."""
        deployments: dict[str, Deployment] = {}
        names: dict[str, str] = {}
        for name, found in self._deployments({"tags": {"all_": [self.tag]}, "name": {"like_": f"{self.project}."}}):
            deployment = wire.read_deployment(found, name, [self.tag, *wire.tags(name)])
            names[deployment.id] = deployment.name
            # Of two by one name the one with an old title is told of, so that a plan says it and apply takes it away.
            if deployment.name not in deployments or deployment.title != title(self.project, deployment.name):
                deployments[deployment.name] = deployment
        automations = {}
        crash_watch = False
        for found in self._pages("/automations/filter", {"automations": {"tags": {"all_": [self.tag]}}}):
            if found["name"] == wire.crash_watch_name(self.project):
                crash_watch = bool(found["enabled"])
            else:
                automations[found["name"]] = wire.read_automation(found, names)
        pool = self._call("GET", f"/work_pools/{POOL}", missing_ok=True)
        return Observed(deployments, automations, pool is not None and not pool["is_paused"], crash_watch)

    def _deployments(self, asked: Mapping[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
        """Ours among what fits one of the filters, each with our name of it.

        Title and flow say it, since tags can be edited away; tags say it of one that an earlier release titled otherwise.
        """
        for found in self._pages("/deployments/filter", {"deployments": {"operator": "or_", **asked}, "sort": "NAME_ASC"}):
            by_tags = wire.tagged(found["tags"]) if self.tag in found["tags"] else None
            name = named(self.project, found["name"])
            if name is not None and name != by_tags and self._flow(found) != wire.flow_name(name):
                name = None  # somebody else's, which is called as ours would be
            if (name := name or by_tags) is not None:
                yield name, found

    def _flow(self, deployment: Mapping[str, Any]) -> str:
        return str(self._call("GET", f"/flows/{deployment['flow_id']}")["name"])

    def _deployment_ids(self, name: str) -> list[str]:
        """What stands under one of our names; the one with the right title first, since an earlier release gave others."""
        right = title(self.project, name)
        asked = {"tags": {"all_": [self.tag, *wire.tags(name)]}, "name": {"any_": [right]}}
        found = sorted((item for other, item in self._deployments(asked) if other == name), key=lambda item: item["name"] != right)
        return [str(item["id"]) for item in found]

    def _automation_id(self, name: str) -> str | None:
        asked: dict[str, Any] = {"name": {"any_": [name]}}
        if not name.startswith(wire.automation_name(self.project, "")):
            asked["tags"] = {"all_": [self.tag]}
        found = self._call("POST", "/automations/filter", {"automations": asked})
        return str(found[0]["id"]) if found else None

    # What changes it -------------------------------------------------------------------------------------------

    def put_pool(self) -> None:
        """Make the work pool, or set it going again where it was paused."""
        found = self._call("GET", f"/work_pools/{POOL}", missing_ok=True)
        if found is None:
            from prefect.client.schemas.actions import WorkPoolCreate
            from prefect.workers.process import ProcessWorker

            template = ProcessWorker.get_default_base_job_template()
            made = WorkPoolCreate(name=POOL, type="process", base_job_template=template, description="Flows that Headrace compiled")
            # A worker that starts now makes the same pool: whoever comes second finds it made.
            self._call("POST", "/work_pools/", made.model_dump(mode="json", exclude_unset=True), made_ok=True)
        elif found["is_paused"]:
            self._call("PATCH", f"/work_pools/{POOL}", {"is_paused": False})

    def put_deployment(self, wanted: Deployment, *, paused: bool = False) -> None:
        """Make or replace one deployment with exactly its schedules; `paused` keeps them from making runs.

        What stands under another title is taken away, and so are its runs that have not begun: an event among them is sent again.
        """
        from prefect.utilities.callables import parameter_schema_from_entrypoint

        flow = self._call("POST", "/flows/", {"name": wire.flow_name(wanted.name), "tags": ["headrace"]})
        schema = parameter_schema_from_entrypoint(f"{wanted.root}/{wanted.entrypoint}")
        model, _, word = wanted.name.partition("/")
        made = self._call(
            "POST",
            "/deployments/",
            {
                "name": wanted.title,
                "flow_id": flow["id"],
                "entrypoint": wanted.entrypoint,
                "version": wanted.version,
                "description": f"model/{model}: {word.replace('_', ' ')}. Compiled by Headrace; change the spec and apply it.",
                "tags": ["headrace", self.tag, *wire.tags(wanted.name)],
                "parameters": json.loads(wanted.parameters),
                "parameter_openapi_schema": schema.model_dump(mode="json"),
                "enforce_parameter_schema": True,
                "work_pool_name": wanted.pool,
                "pull_steps": [{"prefect.deployments.steps.set_working_directory": {"directory": wanted.root}}],
                "job_variables": {"working_dir": wanted.root},
                "path": wanted.root,
                "paused": paused,
                "schedules": [wire.schedule(s) for s in wanted.schedules],
            },
        )
        # Some versions add schedules and remove none, in an upsert as in a PATCH.
        kept = {s.slug for s in wanted.schedules}
        for extra in self._call("GET", f"/deployments/{made['id']}/schedules"):
            if extra["slug"] not in kept:
                self._call("DELETE", f"/deployments/{made['id']}/schedules/{extra['id']}", missing_ok=True)
        for other in self._deployment_ids(wanted.name):
            if other != str(made["id"]):
                self._call("DELETE", f"/deployments/{other}", missing_ok=True)

    def delete_schedules(self, name: str) -> None:
        """Take a deployment's schedules away, so that it makes no further run."""
        for found in self._deployment_ids(name):
            for schedule in self._call("GET", f"/deployments/{found}/schedules", missing_ok=True) or ():
                self._call("DELETE", f"/deployments/{found}/schedules/{schedule['id']}", missing_ok=True)

    def delete_deployment(self, name: str) -> None:
        """Take a deployment away; its past runs stay."""
        for found in self._deployment_ids(name):
            self._call("DELETE", f"/deployments/{found}", missing_ok=True)

    def put_automation(self, wanted: Automation) -> None:
        """Make or replace one automation; its deployment must stand."""
        target = next(iter(self._deployment_ids(wanted.deployment)), None)
        if target is None:
            raise HeadraceError(
                Diagnostic("prefect-refused", f"automation {wanted.name} would start {wanted.deployment}, which Prefect does not have")
            )
        action = {
            "type": "run-deployment",
            "source": "selected",
            "deployment_id": target,
            # A template that is the whole value keeps the payload's text as it is.
            "parameters": {"cause": {"__prefect_kind": "jinja", "template": wanted.cause}},
        }
        trigger = {
            "type": "event",
            "posture": "Reactive",
            "expect": [wanted.event],
            "match": {"prefect.resource.id": wanted.resource},
            "threshold": 1,
            "within": 0,
        }
        self._put_automation(wanted.name, f"{wanted.event} starts {wanted.deployment}.", trigger, action)

    def put_crash_watch(self) -> None:
        """Make the automation that marks a run Crashed when its heartbeat stops: a worker that died cannot say so."""
        ends = ["Completed", "Failed", "Cancelled", "Crashed"]
        trigger = {
            "type": "event",
            "posture": "Proactive",
            "match": {"prefect.resource.id": "prefect.flow-run.*"},
            "match_related": {"prefect.resource.id": f"prefect.tag.{self.tag}", "prefect.resource.role": "tag"},
            "after": ["prefect.flow-run.heartbeat"],
            "expect": ["prefect.flow-run.heartbeat", *(f"prefect.flow-run.{end}" for end in ends)],
            "for_each": ["prefect.resource.id"],
            "threshold": 1,
            "within": SILENCE.total_seconds(),
        }
        action = {"type": "change-flow-run-state", "state": "CRASHED", "message": "Its heartbeat stopped: the process or its worker died."}
        self._put_automation(
            wire.crash_watch_name(self.project), "Marks runs of this project whose heartbeat stopped as Crashed.", trigger, action
        )

    def _put_automation(self, name: str, description: str, trigger: dict[str, Any], action: dict[str, Any]) -> None:
        body = {
            "name": name,
            "description": description,
            "enabled": True,
            "tags": ["headrace", self.tag],
            "trigger": trigger,
            "actions": [action],
        }
        if found := self._automation_id(name):
            self._call("PUT", f"/automations/{found}", body)
        else:
            self._call("POST", "/automations/", body)

    def delete_automation(self, name: str) -> None:
        """Take one automation away."""
        if found := self._automation_id(name):
            self._call("DELETE", f"/automations/{found}", missing_ok=True)

    # Runs ------------------------------------------------------------------------------------------------------

    def run(self, deployment: str, parameters: Mapping[str, Any] | None = None, idempotency_key: str | None = None) -> str:
        """Start one run of `employment/train` and return its id; the same key again returns the same run."""
        found = next(iter(self._deployment_ids(deployment)), None)
        if found is None:
            raise HeadraceError(
                Diagnostic("no-deployment", f"Prefect has no deployment {deployment} of {self.project}", help="type `headrace apply`")
            )
        body = {
            "parameters": dict(parameters or {}),
            "idempotency_key": idempotency_key or str(uuid4()),
            "state": {"type": "SCHEDULED", "name": "Scheduled"},
        }
        return str(self._call("POST", f"/deployments/{found}/create_flow_run", body)["id"])

    def run_state(self, run_id: str) -> tuple[str, str, str]:
        """A run's state as (type, name, message), such as ("COMPLETED", "Completed", "")."""
        found = self._call("GET", f"/flow_runs/{run_id}", missing_ok=True)
        if found is None:
            raise HeadraceError(Diagnostic("no-run", f"Prefect has no run {run_id}"))
        state = found["state"] or {"type": "PENDING", "name": "Pending", "message": ""}
        return state["type"], state["name"], state["message"] or ""

    def wait(self, run_id: str, timeout: float, every: float = 0.5) -> tuple[str, str, str]:
        """Its state once it has ended; HeadraceError `run-slow` after `timeout` seconds of wall time."""
        until = time.monotonic() + timeout
        while (state := self.run_state(run_id))[0] not in TERMINAL:
            if time.monotonic() > until:
                raise HeadraceError(
                    Diagnostic(
                        "run-slow",
                        f"run {run_id} is still {state[1]} after {timeout:g} s",
                        help="is a worker running? `headrace up` starts one",
                    )
                )
            time.sleep(every)
        return state

    def runs(self, *states: str, deployment: str | None = None, newest: int | None = None) -> list[Run]:
        """The project's runs, newest first; `states` are types such as RUNNING, all where none is named.

        Runs that a schedule made for later are among them (SCHEDULED, `scheduled` true).
        """
        tags = wire.tags(deployment) if deployment else []
        wanted: dict[str, Any] = {"tags": {"all_": [self.tag, *tags]}}
        if states:
            wanted["state"] = {"type": {"any_": list(states)}}
        found = []
        for run in self._pages("/flow_runs/filter", {"flow_runs": wanted, "sort": "EXPECTED_START_TIME_DESC"}):
            found.append(wire.read_run(run))
            if newest is not None and len(found) == newest:
                break
        return found

    def crash(self, run_id: str, message: str) -> None:
        """Mark a run as crashed: it died, and nobody else can say so. One that has ended meanwhile stays as it ended."""
        state = {"type": "CRASHED", "name": "Crashed", "message": message}
        self._call("POST", f"/flow_runs/{run_id}/set_state", {"state": state})

    # Events ----------------------------------------------------------------------------------------------------

    def started_by(self, event_id: str) -> list[Run]:
        """The runs of the project whose `cause` is this event."""
        return [run for run in self.runs() if run.cause == event_id]

    def emit(self, event: str, event_id: str, resource: str, payload: Mapping[str, Any]) -> bool:
        """Send an event of `headrace.PROJECT.MODEL`, once more where it was lost; False when a run that it caused already stands.

        Prefect forgets the ids that it has seen after some time and when it restarts, so runs are looked at first. A run that crashed
        is no answer: the event is sent under an id made of its own and of how many crashed; the payload's `id` stays the cause.
        """
        caused = self.started_by(event_id)
        if any(run.type != "CRASHED" for run in caused):
            return False
        body = {
            "occurred": clock.wall().isoformat(),
            "event": event,
            "resource": {"prefect.resource.id": resource},
            "payload": dict(payload),
            "id": str(uuid5(UUID(event_id), str(len(caused)))) if caused else event_id,
        }
        self._call("POST", "/events", [body])
        return True

    # Schedules -------------------------------------------------------------------------------------------------

    def pause_schedules(self) -> None:
        """Let no schedule of the project make a run, and take back those made for later."""
        for deployment in self.observe().deployments.values():
            self._call("POST", f"/deployments/{deployment.id}/pause_deployment")

    def resume_schedules(self) -> None:
        """Let the schedules of the project make runs again."""
        for deployment in self.observe().deployments.values():
            self._call("POST", f"/deployments/{deployment.id}/resume_deployment")
