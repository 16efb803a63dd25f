"""The replay's side of HTTP: one connection kept open, every answer looked at."""

from __future__ import annotations

import http.client
import ssl
import time
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

import orjson

from headrace.diagnostics import Diagnostic, HeadraceError

IDLE = 2.0
"""Seconds after which a connection is not trusted to be open still; uvicorn ends an idle one after five."""


class Client:
    """Speaks to one model server on loopback; an answer that is no 2xx is an error, never passed over."""

    def __init__(
        self, url: str, timeout: float = 30.0, *, headers: Mapping[str, str] | None = None, secure: ssl.SSLContext | None = None
    ) -> None:
        """`headers` go with every request; `secure` is what an `https` server is believed by."""
        self.url = url
        parts = urlsplit(url)
        self.used = time.monotonic()
        self.headers = dict(headers or {})
        host = parts.hostname or "127.0.0.1"
        self.connection: http.client.HTTPConnection = (
            http.client.HTTPConnection(host, parts.port or 80, timeout=timeout)
            if parts.scheme != "https"
            else http.client.HTTPSConnection(host, parts.port or 443, timeout=timeout, context=secure)
        )

    def post(self, path: str, body: object, headers: Mapping[str, str] | None = None) -> Any:  # noqa: ANN401 - JSON
        """Send JSON, and give the JSON that comes back."""
        return self._ask("POST", path, orjson.dumps(body), {"Content-Type": "application/json", **(headers or {})})

    def get(self, path: str) -> Any:  # noqa: ANN401 - JSON
        """Give the JSON at a path."""
        return self._ask("GET", path, None, {})

    def _ask(self, method: str, path: str, body: bytes | None, headers: Mapping[str, str]) -> Any:  # noqa: ANN401 - JSON
        if time.monotonic() - self.used > IDLE:
            self.connection.close()  # the server may be closing it right now; the next request opens a new one
        self.used = time.monotonic()
        try:
            self.connection.request(method, path, body=body, headers={**self.headers, **headers})
            response = self.connection.getresponse()
            answer = response.read()
        except (OSError, http.client.HTTPException) as error:
            self.connection.close()
            raise HeadraceError(
                Diagnostic("server-away", f"the model server at {self.url} does not answer: {error}", help="start it: `headrace up`")
            ) from error
        if not 200 <= response.status < 300:  # noqa: PLR2004 - HTTP's success
            text = answer.decode(errors="replace")[:400]
            raise HeadraceError(Diagnostic("request-refused", f"{method} {path} was answered {response.status}: {text}"))
        try:
            return orjson.loads(answer)
        except orjson.JSONDecodeError as error:
            raise HeadraceError(
                Diagnostic("request-refused", f"{method} {path} was answered with no JSON; is {self.url} the model's server?")
            ) from error

    def close(self) -> None:
        """Close the connection."""
        self.connection.close()
