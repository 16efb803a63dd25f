"""Who may ask a server, and how often: keys, tokens and buckets, all in memory; no request waits for the store."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Mapping
from contextlib import suppress
from hashlib import sha256
from http import HTTPStatus
from math import ceil
from typing import Any, NoReturn

from headrace.compiled import AccessConfig, RateConfig, ScopesConfig
from headrace.identity.scopes import Scope
from headrace.identity.tokens import BadToken, Claims, KeySet, Trust, UnknownKey, verify
from headrace.serving.buckets import Buckets, address
from headrace.serving.fleet import told
from headrace.serving.fleet.rates import SharedBuckets
from headrace.serving.follow import STORE_FAULTS
from headrace.serving.head import Client, Head
from headrace.serving.jwks import Jwks
from headrace.serving.keyring import Keys
from headrace.serving.measures import Measures
from headrace.serving.needed import needed
from headrace.serving.plane import FREE, Admit
from headrace.serving.problem import Refused
from headrace.serving.recent import Recent
from headrace.serving.workspace import Workspace

PUBLIC = {"metrics": "/metrics", "metadata": "/metadata"}
TOKENS = 10_000
"""Tokens that are remembered as good until they expire."""
_PATIENCE = 3.0
"""Seconds that a request waits for a key set that is read again on its account."""
_KEY = b"hr_"
_BEARER = b"bearer "
_ASK = {"WWW-Authenticate": 'Bearer realm="headrace"'}


class Guard:
    """Admits requests of one model's server; asked by its event loop."""

    def __init__(self, access: AccessConfig, workspace: Workspace, model: str, measures: Measures, *, exposed: bool) -> None:
        """`exposed` says that the server listens beyond loopback."""
        self._model = model
        self._exposed = exposed
        auth = access.auth
        self._keys = Keys(workspace, model, measures) if auth is not None and auth.keys else None
        jwt = auth.jwt if auth is not None else None
        self._trust = None if jwt is None else Trust(jwt.issuer, jwt.audience, jwt.algorithms, jwt.scope)
        self._words: dict[Scope, str | None] = {} if jwt is None else _words(jwt.scopes)
        self._jwks = None if jwt is None else Jwks(jwt.jwks, workspace.root, measures, model)
        self._tokens: Recent[bytes, Claims] = Recent(TOKENS)
        self._believed_by: KeySet | None = None
        public = () if auth is None else auth.public if auth.public is not None else () if exposed else tuple(PUBLIC)
        self.open = FREE | {PUBLIC[name] for name in public}
        """The paths that need neither key nor token."""
        rate = access.rate
        buckets = None if rate is None else counted(rate, model)
        self._by_key = buckets if rate is not None and rate.by == "key" else None
        self._by_address = buckets if rate is not None and rate.by == "address" else None
        self.admit: Admit | None = None
        """Whether a request may go on; None where nobody is ever refused.

        Refused (401, 403, 429, 503) where it may not; where a key set must be read again first, what to await. It takes microseconds.
        """
        if auth is not None:
            self.admit = self._admit
        elif self._by_address is not None:
            self.admit = self._only_counted

    def known(self, head: Head) -> str | None:
        """Whose key a request has, which is nobody's where none is asked for; None where `admit` must say what becomes of it.

        That has no effect but that the key was used.
        """
        keys = self._keys
        if keys is None:
            return None if self._trust is not None else ""
        if head.admitted is not None and head.admitted[0] is keys.current:
            # The same bytes, among the same keys: the table that has them tells nobody how much of a wrong one was right.
            return keys.again(head.admitted[1])
        try:
            kind, text = credential(head.headers)
        except Refused:
            return None
        among = keys.current
        found = keys.find(text) if kind is not None and text.startswith(_KEY) else None
        if among is None or found is None or (found.models is not None and self._model not in found.models):
            return None
        if found.scopes is not None and "predict" not in found.scopes:
            return None
        head.admitted = (among, found)
        return found.id

    def counted(self, who: str, client: Client) -> bool:
        """Whether one whom `known` told may ask now, which is then counted; where not, nothing was."""
        if self._by_key is not None:
            return not self._by_key.take(who, time.monotonic())
        return self._by_address is None or not self._by_address.take(address(client), time.monotonic())

    async def start(self) -> None:
        """Read keys and key set once, so that the first request finds them, and again and again from then on."""
        if self._keys is not None:
            with suppress(*STORE_FAULTS):  # its thread says so, and tries again
                await asyncio.to_thread(self._keys.look)
            self._keys.start()
        if self._jwks is not None:
            waiting = self._jwks.ask()
            self._jwks.start()
            if waiting is not None:
                await _within(asyncio.wrap_future(waiting))

    def end(self) -> None:
        """Read no more."""
        if self._keys is not None:
            self._keys.end()
        if self._jwks is not None:
            self._jwks.end()

    def join(self) -> None:
        """Wait, after `end`, until the store knows when keys were last used."""
        if self._keys is not None:
            self._keys.join()

    def ages(self) -> dict[str, float]:
        """How many seconds ago keys and key set were read, as far as they are used and were."""
        read = {"keys": None if self._keys is None else self._keys.read_at, "jwks": None if self._jwks is None else self._jwks.read_at}
        return {name: time.monotonic() - at for name, at in read.items() if at is not None}

    def _only_counted(self, scope: Mapping[str, Any]) -> None:
        if scope["path"] not in FREE:
            self._count(self._by_address, address(scope.get("client")))

    def _admit(self, scope: Mapping[str, Any]) -> Awaitable[None] | None:
        path = scope["path"]
        if path in FREE:
            return None
        if self._by_address is not None:
            self._count(self._by_address, address(scope.get("client")))
        if path in self.open:
            return None
        kind, text = credential(scope["headers"])
        if kind == "token" and text.startswith(_KEY):
            kind = "key"
        if kind == "key":
            self._count(self._by_key, self._key(text, needed(path)))
            return None
        if self._trust is None or kind is None:
            raise _unknown(None)
        return self._token(text, needed(path))

    def observes(self, scope: Mapping[str, Any]) -> bool:
        """Whether whoever asks on a path that needs no key may learn what others may not: on loopback all, beyond it by key or token."""
        if not self._exposed:
            return True
        if self.admit is None:
            return False
        try:
            kind, text = credential(scope["headers"])
            if kind == "key" or (kind == "token" and text.startswith(_KEY)):
                self._key(text, "observe")
            elif kind == "token" and self._trust is not None:
                self._believe(text, "observe")
            else:
                return False
        except (Refused, BadToken):
            return False
        return True

    def _count(self, buckets: Buckets | SharedBuckets | None, who: str) -> None:
        wait = 0.0 if buckets is None else buckets.take(who, time.monotonic())
        if wait:
            detail = f"too many requests: the next one is taken in {ceil(wait)} s"
            raise Refused(HTTPStatus.TOO_MANY_REQUESTS, "too-many-requests", detail, headers={"Retry-After": str(ceil(wait))})

    def _key(self, text: bytes, scope: Scope) -> str:
        if self._keys is None:
            raise _unknown("the server takes no API keys")
        found = self._keys.find(text)
        if found is None:
            raise _unknown("the API key is none, has expired, or was revoked") if self._keys.current is not None else _away("its keys")
        if found.models is not None and self._model not in found.models:
            raise Refused(HTTPStatus.FORBIDDEN, "forbidden", f"the API key {found.id} is not for model/{self._model}")
        if found.scopes is not None and scope not in found.scopes:
            raise Refused(HTTPStatus.FORBIDDEN, "forbidden", f"the API key {found.id} may not `{scope}`")
        return found.id

    def _token(self, text: bytes, scope: Scope) -> Awaitable[None] | None:
        try:
            self._believe(text, scope)
        except UnknownKey as error:
            waiting = self._jwks.ask() if self._jwks is not None else None
            if waiting is None:
                _bad(error)
            return self._believe_later(text, scope, asyncio.wrap_future(waiting))
        except BadToken as error:
            _bad(error)
        return None

    async def _believe_later(self, text: bytes, scope: Scope, waiting: asyncio.Future[None]) -> None:
        await _within(waiting)
        try:
            self._believe(text, scope)
        except BadToken as error:
            _bad(error)

    def _believe(self, text: bytes, scope: Scope) -> None:
        known = self._jwks.current if self._jwks is not None else None
        if known is None or self._trust is None:
            raise _away("the keys of the tokens' issuer")
        if known is not self._believed_by:
            # A key may have been withdrawn: what it signed is judged again.
            self._tokens.clear()
            self._believed_by = known
        digest = sha256(text).digest()
        claims = self._tokens.get(digest)
        if claims is None or time.time() >= claims.expires:
            claims = verify(text, self._trust, known)
            self._tokens.put(digest, claims)
        word = self._words.get(scope)
        if word is not None and word not in claims.scopes:
            raise BadToken(f"it is not allowed `{word}`", scope=True)
        self._count(self._by_key, f"token:{claims.subject}")


def counted(rate: RateConfig, model: str) -> Buckets | SharedBuckets:
    """The callers of a server: in this process, or, where it is one of several, in what all of them share."""
    where = told.folder_of_mine()
    return Buckets(rate) if where is None else SharedBuckets(where / f"rates-{model}", rate)


def _words(scopes: ScopesConfig) -> dict[Scope, str | None]:
    return {"outcomes": scopes.outcomes, "observe": scopes.observe, "manage": scopes.manage}


async def _within(waiting: asyncio.Future[None]) -> None:
    await asyncio.wait({waiting}, timeout=_PATIENCE)


def credential(headers: Any) -> tuple[str | None, bytes]:  # noqa: ANN401 - ASGI's pairs
    """What a request proves itself with; Refused (401) where that is said twice, since two readers may believe two of them."""
    kind, text = None, b""
    for name, value in headers:
        if name == b"authorization":
            given, found = "token" if value[:7].lower() == _BEARER else "other", value[7:]
        elif name == b"x-api-key":
            given, found = "key", value
        else:
            continue
        if kind is not None:
            raise _unknown("it proves itself twice: send one of `Authorization` and `X-API-Key`, once")
        kind, text = given, found
    if kind == "other":
        raise _unknown("it must prove itself by `Authorization: Bearer …`, or by `X-API-Key`")
    return kind, text


def _unknown(why: str | None) -> Refused:
    """A 401; what was sent is not repeated."""
    headers = _ASK if why is None else {"WWW-Authenticate": f'{_ASK["WWW-Authenticate"]}, error="invalid_token"'}
    detail = why or "it needs an API key or a token: send `Authorization: Bearer …`"
    return Refused(HTTPStatus.UNAUTHORIZED, "unauthenticated", detail, headers=headers)


def _bad(error: BadToken) -> NoReturn:
    if error.scope:
        raise Refused(HTTPStatus.FORBIDDEN, "forbidden", f"the token is good, and {error.why}") from None
    raise _unknown(f"the token is not believed: {error.why}") from None


def _away(what: str) -> Refused:
    return Refused(
        HTTPStatus.SERVICE_UNAVAILABLE,
        "auth-unavailable",
        f"who asks cannot be told: {what} could not be read yet",
        headers={"Retry-After": "1"},
    )
