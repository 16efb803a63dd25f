"""What a channel promises: a receipt for what was taken, an exception for what was not, and no secret in what it says."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

from headrace.hooks import ChannelType, Message
from headrace.testing.fault import Broken, Checks, Unmet, function, params_are_closed, params_model, registered

_SHORT = 12
"""Text shorter than this is no address or secret that an error could give away."""


def message(**changed: Any) -> Message:  # noqa: ANN401 - fields of a message
    """An alert to try a channel with: with quotes, several lines and letters beyond ASCII."""
    given: dict[str, Any] = {
        "fingerprint": "churn/degraded/roc_auc",
        "model": "churn",
        "alert": "degraded",
        "severity": "critical",
        "status": "firing",
        "title": 'model/churn: "degraded" at Größe',
        "text": "roc_auc fell to 0.71 <below 0.75>\nsecond line & more",
        "details": {"value": 0.71, "window": 12, "where": {"region": "Zürich"}},
        "at": datetime(2026, 5, 17, 12, 30, tzinfo=UTC),
        "id": "9f2c4d0a4c0b4b0f8f6e2d3b1a0c9e8d",
    }
    return Message(**(given | changed))


def check_channel(
    channel: ChannelType,
    params: Mapping[str, Any] | None = None,
    *,
    unreachable: Mapping[str, Any] | None = None,
    received: Callable[[], int] | None = None,
    secret: Collection[str] | None = None,
) -> list[Broken]:
    """What is wrong with a channel.

    `params` lead to a receiver that takes messages, and without them none is sent; `unreachable` lead to one that does not; `received` says
    how many messages have arrived there. `secret` names the parameters that no error may tell: every text, where it is not given.
    """
    if (wrong := registered(channel)) is not None:
        return [wrong]
    checks = Checks()
    checks.run("params", lambda: params_are_closed(channel))
    try:
        send, model = function(channel, "send"), params_model(channel)
    except Unmet as error:
        return [*checks.broken, Broken("import", str(error))]
    if params is not None:
        given = model.model_validate(dict(params))
        checks.run("receipt", lambda: _receipt(send, given, received))
        checks.run("kinds", lambda: _kinds(send, given))
        checks.run("message-unchanged", lambda: _unchanged(send, given))
    if unreachable is not None:
        away = model.model_validate(dict(unreachable))
        checks.run("failure", lambda: _failure(send, away, unreachable, secret))
    return checks.broken


def _receipt(send: Callable[..., Any], params: Any, received: Callable[[], int] | None) -> Iterator[str]:  # noqa: ANN401 - a pydantic model
    before = received() if received is not None else 0
    receipt = send(params, message())
    if not isinstance(receipt, str):
        yield f"it gives {type(receipt).__name__} as its receipt, and not text"
    elif not receipt.strip():
        yield "its receipt is empty: nobody could say that the message was taken"
    if received is not None and (arrived := received() - before) != 1:
        yield f"one message was sent, and {arrived} arrived"


def _kinds(send: Callable[..., Any], params: Any) -> Iterator[str]:  # noqa: ANN401 - a pydantic model
    cases: tuple[dict[str, Any], ...] = (
        {"severity": "info"},
        {"status": "resolved"},
        {"details": {}},
        {"text": ""},
        {"title": "x" * 4000},
        {"title": "a\x00b\u202ec", "text": "`*_~<!channel>&amp;"},
    )
    for changed in cases:
        try:
            send(params, message(**changed))
        except Exception as error:  # noqa: BLE001 - it should have been sent
            yield f"a message with {next(iter(changed))} {str(next(iter(changed.values())))[:20]!r} raised {type(error).__name__}: {error}"


def _unchanged(send: Callable[..., Any], params: Any) -> Iterator[str]:  # noqa: ANN401 - a pydantic model
    mine = message()
    send(params, mine)
    if mine != message():
        yield "it changes the message that it is given"


def _failure(
    send: Callable[..., Any],
    params: Any,  # noqa: ANN401 - a pydantic model
    written: Mapping[str, Any],
    secret: Collection[str] | None,
) -> Iterator[str]:
    try:
        receipt = send(params, message())
    except Exception as error:  # noqa: BLE001 - this is what is wanted
        told = f"{type(error).__name__}: {error}"
        if not str(error):
            yield f"it raises {type(error).__name__} without a word why"
        for name, value in written.items():
            hidden = secret is None or name in secret
            if hidden and isinstance(value, str) and len(value) >= _SHORT and value in told:
                yield f"its error tells the parameter `{name}`, which may be a secret: {told[:80]}"
    else:
        yield f"nobody took the message, and yet it gave the receipt {receipt!r}: raise, so that it is tried again"
