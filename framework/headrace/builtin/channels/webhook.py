"""A channel that posts a message as JSON, signed as Standard Webhooks has it (standardwebhooks.com, version 1)."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
from datetime import timedelta

from pydantic import BaseModel, ConfigDict, Field

from headrace.hooks import ChannelType, Message
from headrace.spec.quantity import Duration

_OK = range(200, 300)


class Params(BaseModel):
    """The parameters of `webhook`."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)
    url: str = Field(
        description="Where to post, http or https; usually a reference such as `env:TEAM_URL`.",
        pattern=r"^(https?://|env:|file:)",
        json_schema_extra={"secret": "may"},
    )
    timeout: Duration = Field(
        default=timedelta(seconds=10), description="How long an answer may take.", gt=timedelta(0), le=timedelta(seconds=60)
    )
    sign_with: str | None = Field(
        default=None,
        description="A secret; with it each message carries `webhook-signature`.",
        min_length=1,
        json_schema_extra={"secret": "must"},
    )


class DeliveryError(Exception):
    """The receiver did not take the message. Says why, never the address."""


def send(params: Params, message: Message) -> str:
    """Post the message; the receipt is the answer's status. DeliveryError for any answer but 2xx, and for none in time."""
    import httpx
    import orjson

    from headrace.store import clock

    data = orjson.dumps(message.to_json(), option=orjson.OPT_SORT_KEYS)
    sent = str(int(clock.wall().timestamp()))
    headers = {"content-type": "application/json", "user-agent": "headrace", "webhook-id": message.id, "webhook-timestamp": sent}
    if params.sign_with is not None:
        headers["webhook-signature"] = signature(params.sign_with, message.id, sent, data)
    try:
        # Only the answer's head is read: its body may be endless.
        with (
            httpx.Client(timeout=params.timeout.total_seconds(), follow_redirects=False) as client,
            client.stream("POST", params.url, content=data, headers=headers) as answer,
        ):
            status = answer.status_code
    except httpx.TimeoutException:
        raise DeliveryError(f"no answer within {params.timeout.total_seconds():g} s") from None
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        raise DeliveryError(f"the receiver cannot be reached: {type(error).__name__}") from None
    if status not in _OK:
        raise DeliveryError(f"the receiver answered {status}")
    return f"HTTP {status}"


def signature(secret: str, id: str, timestamp: str, data: bytes) -> str:  # noqa: A002 - the standard's name
    """`v1,` and the HMAC-SHA256 of `id.timestamp.body` in base64; a secret `whsec_…` is base64, any other is its own text."""
    key = secret.encode()
    if secret.startswith("whsec_"):
        try:
            key = base64.b64decode(secret.removeprefix("whsec_"), validate=True)
        except binascii.Error:
            raise DeliveryError("`sign_with` begins with whsec_ and goes on with no base64") from None
    digest = hmac.new(key, f"{id}.{timestamp}.".encode() + data, hashlib.sha256).digest()
    return f"v1,{base64.b64encode(digest).decode()}"


CHANNEL = ChannelType("webhook", f"{__name__}:Params", f"{__name__}:send")
