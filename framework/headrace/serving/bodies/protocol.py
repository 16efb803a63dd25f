"""What the Open Inference Protocol asks beside inferences: who is there, whether it is ready, and the repository of models.

Sources: github.com/kserve/open-inference-protocol, specification/protocol/inference_rest.md; Triton's extension `model_repository`.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

import orjson
from starlette.requests import Request
from starlette.responses import Response

from headrace import __version__
from headrace.serving.bodies.asked import Bodies, no_such_model
from headrace.serving.bodies.tensors import bad, outputs
from headrace.serving.body import read
from headrace.serving.follow import STORE_FAULTS
from headrace.serving.overload import AGAIN
from headrace.serving.problem import Refused

if TYPE_CHECKING:
    from headrace.serving.server import Server

LOG = logging.getLogger("headrace.serving")
EXTENSIONS = ["model_repository"]


class Protocol:
    """The protocol's paths, but for the one that is asked most."""

    def __init__(self, server: Server, bodies: Bodies) -> None:
        self._server = server
        self._bodies = bodies

    async def server(self, request: Request) -> Response:
        """GET /v2."""
        del request
        return _json({"name": "headrace", "version": __version__, "extensions": EXTENSIONS})

    async def live(self, request: Request) -> Response:
        """GET /v2/health/live."""
        del request
        if dead := self._server.dead():
            raise Refused(503, "not-live", dead)
        return _json({"live": True})

    async def ready(self, request: Request) -> Response:
        """GET /v2/health/ready."""
        if failing := self._server.failing(await self._server.checks(), request.scope):
            raise Refused(503, "not-ready", failing)
        return _json({"live": True, "ready": True})

    async def model(self, request: Request) -> Response:
        """GET /v2/models/NAME[/versions/N]."""
        self._known(request)
        config = self._server.config
        champion = self._server.snapshot.champion
        columns = [len(champion.answers.keys)] if champion is not None and champion.answers.keys else []
        tensors = [(config.entity, "BYTES"), *((item.name, "FP64" if item.type == "number" else "BYTES") for item in config.inputs)]
        if config.group is not None:
            tensors.append((config.group, "BYTES"))
        wide = "probabilities" if config.task == "multiclass" else "prediction"
        told = outputs(config.task)
        return _json(
            {
                "name": config.model,
                "versions": self._versions(),
                "platform": "headrace",
                "inputs": [_tensor(name, kind, []) for name, kind in tensors],
                "outputs": [_tensor(name, kind, columns if name == wide else []) for name, kind in told.items()],
            }
        )

    async def model_ready(self, request: Request) -> Response:
        """GET /v2/models/NAME[/versions/N]/ready."""
        self._known(request)
        self._server.ready_snapshot()
        return _json({"name": self._server.config.model, "ready": True})

    async def infer(self, request: Request) -> Response:
        """POST /v2/models/NAME[/versions/N]/infer."""
        self._named(request)
        told = await self._bodies.infer(request.scope, request.receive, request.path_params.get("version"))
        return Response(told, media_type="application/json")

    async def index(self, request: Request) -> Response:
        """POST /v2/repository/index."""
        body = await read(request.scope, request.receive, self._server.load)
        try:
            asked = orjson.loads(body) if body.strip() else {}
        except orjson.JSONDecodeError as error:
            raise bad(f"the body is no JSON: {error.msg}") from None
        if not isinstance(asked, dict) or not isinstance(asked.get("ready", False), bool):
            raise bad("the body must be a JSON object, and its `ready` true or false")
        model = self._server.config.model
        told = [{"name": model, "version": version, "state": "READY", "reason": ""} for version in self._versions()]
        if not asked.get("ready", False):
            refused = self._server.refused.items()
            told += [{"name": model, "version": str(n), "state": "UNAVAILABLE", "reason": why.message} for n, why in sorted(refused)]
        return _json(told)

    async def load(self, request: Request) -> Response:
        """POST /v2/repository/models/NAME/load: verify and load what the store says now."""
        self._named(request)
        try:
            await self._server.reload()
        except (*STORE_FAULTS, TimeoutError) as error:
            LOG.warning("the store cannot be read, so what was loaded goes on answering: %s", error)
            why = "the store cannot be read just now, and what was loaded goes on answering"
            raise Refused(503, "not-loaded", why, headers={"retry-after": AGAIN}) from None
        if refused := self._server.refused:
            why = "; ".join(f"version {number}: {refusal.message}" for number, refusal in sorted(refused.items()))
            raise Refused(503, "not-loaded", f"what was loaded goes on answering: {why}")
        self._server.ready_snapshot()
        return _json({"name": self._server.config.model, "versions": self._versions()})

    async def unload(self, request: Request) -> Response:
        """POST /v2/repository/models/NAME/unload: refused, since who answers is decided in the project."""
        self._named(request)
        model = self._server.config.model
        raise Refused(
            409, "not-unloaded", f"model/{model} is served for as long as its server runs: take it out of specs/, or stop the server"
        )

    def _versions(self) -> list[str]:
        return [str(number) for number in sorted(set(self._server.snapshot.versions.values()))]

    def _named(self, request: Request) -> None:
        name, model = request.path_params["name"], self._server.config.model
        if name != model:
            raise no_such_model(name, model)

    def _known(self, request: Request) -> None:
        self._named(request)
        version = request.path_params.get("version")
        if version is not None and version not in self._versions():
            raise Refused(404, "no-such-version", f"version {version} is not loaded: {', '.join(self._versions()) or 'none'} answer")


def _tensor(name: str, datatype: str, columns: list[int]) -> dict[str, Any]:
    return {"name": name, "datatype": datatype, "shape": [-1, *columns]}


def _json(value: object) -> Response:
    return Response(orjson.dumps(value), media_type="application/json")
