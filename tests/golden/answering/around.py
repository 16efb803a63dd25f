"""What stands around the answers of a server: a header that says who gave them."""

from __future__ import annotations

from starlette.types import ASGIApp, Message, Receive, Scope, Send


class Stamp:
    """An ASGI middleware."""

    def __init__(self, app: ASGIApp, *, header: str) -> None:
        self._app = app
        self._header = (header.lower().encode(), b"shop")

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request."""

        async def stamped(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message["headers"], self._header]
            await send(message)

        await self._app(scope, receive, stamped if scope["type"] == "http" else send)
