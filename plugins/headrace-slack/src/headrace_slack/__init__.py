"""Alerts to Slack by incoming webhook, in Slack's blocks, with whatever a user wrote escaped."""

from __future__ import annotations

import json
import re
from datetime import timedelta
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from headrace.hooks import ChannelType, Message, hookimpl

__all__ = ["CHANNEL", "Params", "body", "headrace_channels"]

_COLOURS = {"info": "#439fe0", "warning": "#daa038", "critical": "#a30200"}
_RESOLVED = "#2eb886"
_HEADER, _SECTION, _FIELD, _FIELDS = 150, 2900, 1900, 10
"""How much Slack takes of a header, a section, a field, and of fields."""
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f\u200e\u200f\u202a-\u202e\u2066-\u2069]")


class Params(BaseModel):
    """The parameters of `slack`."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    url: str = Field(
        description="The incoming webhook's address, a secret: write a reference such as `env:SLACK_WEBHOOK_URL`.",
        pattern=r"^(https://|http://(127\.0\.0\.1|localhost)[:/]|env:|file:)",
    )
    mention: Literal["here", "channel"] | None = Field(default=None, description="Whom a critical alert calls: `here` or `channel`.")
    timeout_seconds: float = Field(default=10.0, gt=0, le=60, description="How long an answer may take, in seconds.")


class DeliveryError(Exception):
    """Slack did not take the message. Says why, never the address."""


def send(params: Params, message: Message) -> str:
    """Post the message; the receipt is the answer's status and word. DeliveryError for any answer but 200, and for none in time."""
    import httpx

    try:
        with httpx.Client(timeout=params.timeout_seconds, follow_redirects=False) as client:
            answer = client.post(params.url, content=json.dumps(body(params, message)), headers={"content-type": "application/json"})
            word = answer.text[:80].strip()
    except httpx.TimeoutException:
        raise DeliveryError(f"no answer within {timedelta(seconds=params.timeout_seconds).total_seconds():g} s") from None
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        raise DeliveryError(f"Slack cannot be reached: {type(error).__name__}") from None
    if answer.status_code != httpx.codes.OK:
        # Slack says in one word what is wrong: invalid_token, no_service, channel_is_archived, invalid_blocks.
        told = f": {word}" if re.fullmatch(r"[a-z_]{3,40}", word) else ""
        raise DeliveryError(f"Slack answered {answer.status_code}{told}")
    return f"HTTP {answer.status_code} {word}".strip()


def body(params: Params, message: Message) -> dict[str, Any]:
    """What is posted: a line for notifications, and blocks; the colour says how grave it is."""
    title, resolved = _plain(message.title), message.status == "resolved"
    blocks: list[dict[str, Any]] = [
        {
            "type": "header",
            "text": {"type": "plain_text", "text": _cut(("Resolved: " if resolved else "") + _entities(title), _HEADER), "emoji": False},
        }
    ]
    if text := _plain(message.text):
        blocks.append({"type": "section", "text": {"type": "mrkdwn", "text": _cut(_escaped(text), _SECTION)}})
    told = {"model": f"model/{message.model}", "alert": message.alert, "severity": message.severity}
    details = {**told, **{str(name): value for name, value in message.details.items()}}
    fields = [{"type": "mrkdwn", "text": _field(name, value)} for name, value in list(details.items())[:_FIELDS]]
    blocks.append({"type": "section", "fields": fields})
    when = {"type": "plain_text", "text": f"{message.at:%Y-%m-%d %H:%M} UTC", "emoji": False}
    blocks.append({"type": "context", "elements": [when]})
    called = params.mention is not None and message.severity == "critical" and not resolved
    line = f"{'resolved' if resolved else message.severity}: {_escaped(title)}"
    colour = _RESOLVED if resolved else _COLOURS[message.severity]
    return {"text": _cut(f"<!{params.mention}> {line}" if called else line, _SECTION), "attachments": [{"color": colour, "blocks": blocks}]}


def _field(name: str, value: object) -> str:
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)
    return _cut(f"*{_escaped(_plain(name))}*\n{_escaped(_plain(text))}", _FIELD)


def _plain(text: str) -> str:
    """Without what a reader cannot see and a screen would obey."""
    return _CONTROL.sub("\ufffd", text).strip()


def _escaped(text: str) -> str:
    """As Slack wants it: `&`, `<` and `>` escaped, so that no mention and no link comes of it; marks of bold and code broken."""
    return re.sub(r"([*_~`])", "\\1\u200b", _entities(text))


def _entities(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _cut(text: str, most: int) -> str:
    """At most so many characters, and no half of an escape at the end."""
    return text if len(text) <= most else re.sub(r"&[a-z]*$", "", text[: most - 1]) + "\u2026"


CHANNEL = ChannelType("slack", f"{__name__}:Params", f"{__name__}:send")


@hookimpl
def headrace_channels() -> list[ChannelType]:
    """The channel types of this plugin."""
    return [CHANNEL]
