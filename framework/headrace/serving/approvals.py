"""What waits for approval, and votes on it, over HTTP: by the store's own word at each request, whatever else a server takes."""

from __future__ import annotations

from collections.abc import Callable
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, TypeVar

import orjson
from pydantic import BaseModel, ConfigDict, Field, ValidationError
from starlette.requests import Request
from starlette.responses import Response

from headrace.diagnostics import HeadraceError
from headrace.governance import Choice, Voter, in_force
from headrace.identity.voting import allowed, shown
from headrace.registry import asked
from headrace.registry import request as requests
from headrace.serving.body import read
from headrace.serving.follow import STORE_FAULTS
from headrace.serving.guard import credential
from headrace.serving.problem import Refused
from headrace.serving.schema import refusal
from headrace.serving.within import within
from headrace.store import clock

if TYPE_CHECKING:
    from pydantic_core import ErrorDetails
    from sqlmodel import Session

    from headrace.compiled import GovernanceConfig
    from headrace.serving.server import Server
    from headrace.serving.workspace import Workspace

T = TypeVar("T")
PATIENCE = 10.0
"""Seconds that the store may take."""
STATUS = {
    "no-request": HTTPStatus.NOT_FOUND,
    "approval-changed": HTTPStatus.CONFLICT,
    "already-decided": HTTPStatus.CONFLICT,
    "already-voted": HTTPStatus.CONFLICT,
    "bad-key": HTTPStatus.FORBIDDEN,
    "may-not-vote": HTTPStatus.FORBIDDEN,
    "no-reason": HTTPStatus.UNPROCESSABLE_ENTITY,
}
"""What each refusal of a vote is over HTTP; any other is the store's."""
_DIGEST = r"^sha256:[0-9a-f]{64}$"
_WORDS = {
    "missing": "is required",
    "extra_forbidden": "is no field of a vote: it has `choice`, `reason` and `subject`",
    "json_invalid": "must be a JSON object",
    "model_type": "must be a JSON object",
    "literal_error": "is `approve`, `reject` or `break_glass`",
    "string_type": "must be a text",
    "string_too_short": "has 1 to 1000 characters",
    "string_too_long": "has 1 to 1000 characters",
    "string_pattern_mismatch": "is the digest `subject` of the request that you looked at",
}
_KEY_NEEDED = "it needs an API key that may `approve`: send `Authorization: Bearer …`, or `X-API-Key`"


class Vote(BaseModel):
    """A vote. `subject` is what the voter looked at, by the digest that the request was told with."""

    model_config = ConfigDict(extra="forbid", strict=True)
    choice: Literal["approve", "reject", "break_glass"]
    reason: str = Field(min_length=1, max_length=1000)
    subject: str = Field(pattern=_DIGEST)


class _Known(NamedTuple):
    """Who asks, and by which key."""

    principal: str
    key: str


class Approvals:
    """The requests of one model's environment; each answer comes from the store as it is now, and a key is looked up in it anew."""

    def __init__(self, server: Server, workspace: Workspace) -> None:
        self._server = server
        self._workspace = workspace
        self._model = server.config.model

    async def listed(self, request: Request) -> Response:
        """GET /approvals: those that wait, or with `all=true` every one."""
        given = request.query_params.get("all", "false")
        if given not in {"true", "false"}:
            raise Refused(HTTPStatus.UNPROCESSABLE_ENTITY, "invalid-request", "`all` is `true` or `false`")

        def work() -> dict[str, Any]:
            with self._workspace.store.read() as session:
                self._known(session, request)
                here = self._workspace.environment
                found = asked.requests(session, self._governing(session), here, self._model, every=given == "true")
                return {"environment": here, "requests": found}

        return _json(await _asked(work))

    async def one(self, request: Request) -> Response:
        """GET /approvals/ID."""

        def work() -> dict[str, Any]:
            with self._workspace.store.read() as session:
                self._known(session, request)
                row = requests.found(session, self._workspace.environment, request.path_params["id"], self._model)
                return asked.told(session, self._governing(session), row)

        return _json(await _asked(work))

    async def vote(self, request: Request) -> Response:
        """POST /approvals/ID/votes."""
        body = await read(request.scope, request.receive, self._server.load)
        try:
            ballot = Vote.model_validate_json(body)
        except ValidationError as error:
            raise refusal(error.errors(include_url=False, include_input=False), _say) from None

        def work() -> dict[str, Any]:
            here, id_ = self._workspace.environment, request.path_params["id"]
            with self._workspace.store.read() as session:
                known = self._known(session, request)
                requests.found(session, here, id_, self._model)
                governing = self._governing(session)
            voter, choice = Voter(known.principal, known.key, clock.wall()), Choice(ballot.choice)
            made = requests.cast(self._workspace.store, governing, here, id_, voter, choice, ballot.reason, subject=ballot.subject)
            return {
                "principal": known.principal,
                "key": known.key,
                "choice": choice.value,
                "outcome": made.standing.outcome.value,
                "reason": made.standing.reason,
                "request": made.told,
            }

        return _json(await _asked(work), HTTPStatus.CREATED)

    def _known(self, session: Session, request: Request) -> _Known:
        """Who asks, by the store as it is now: a key that was revoked a moment ago is none. Refused (401), HeadraceError `bad-key`."""
        kind, text = credential(request.scope["headers"])
        if kind is None:
            raise _unknown(_KEY_NEEDED)
        key = shown(session, self._workspace.environment, text.decode("latin-1"))
        if key is None:
            raise _unknown("the API key is none, has expired, or was revoked")
        principal = allowed(key, self._model).principal
        if principal is None:
            raise AssertionError(key.id)
        return _Known(principal, key.id)

    def _governing(self, session: Session) -> GovernanceConfig:
        return in_force(session, self._workspace.project, self._workspace.governance)


async def _asked(work: Callable[[], T]) -> T:
    """What the store says, in a thread of its own; Refused where it refuses, or says nothing."""
    try:
        return await within(work, PATIENCE)
    except TimeoutError:
        detail = f"the store gave no answer within {PATIENCE:g} s: look whether the vote is there before it is sent again"
        raise Refused(HTTPStatus.SERVICE_UNAVAILABLE, "store-unreachable", detail) from None
    except HeadraceError as error:
        fault = next(iter(error.report))
        raise Refused(STATUS.get(fault.id, HTTPStatus.SERVICE_UNAVAILABLE), fault.id, fault.message) from None
    except STORE_FAULTS:
        raise Refused(
            HTTPStatus.SERVICE_UNAVAILABLE, "store-unreachable", "the store cannot be asked now", headers={"Retry-After": "1"}
        ) from None


def _unknown(why: str) -> Refused:
    return Refused(HTTPStatus.UNAUTHORIZED, "unauthenticated", why, headers={"WWW-Authenticate": 'Bearer realm="headrace"'})


def _say(name: str, detail: ErrorDetails) -> str:
    return _WORDS.get(detail["type"], f"is no `{name}` of a vote")


def _json(value: object, status: int = HTTPStatus.OK) -> Response:
    # What was voted must be read anew by whoever asks after it.
    return Response(orjson.dumps(value), status, media_type="application/json", headers={"Cache-Control": "no-store"})
