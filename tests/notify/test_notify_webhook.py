from __future__ import annotations

import base64
import hashlib
import hmac
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from pydantic import ValidationError

from headrace.builtin.channels.webhook import DeliveryError, Params, send, signature
from headrace.hooks import Message

MESSAGE = Message("f", "employment", "drifting", "warning", "firing", "t", "x", {}, datetime(2026, 7, 1, tzinfo=UTC), id="msg_1")


def test_a_signature_is_that_of_the_standard() -> None:
    # The example of the Standard Webhooks libraries.
    secret, id_, sent = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "msg_p5jXN8AQM9LWM0D4loKWxJek", "1614265330"
    assert signature(secret, id_, sent, b'{"test": 2432232314}') == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


def test_a_receiver_can_check_what_it_got(receiver: Any) -> None:
    send(Params(url=receiver.url, sign_with="shared secret"), MESSAGE)
    ((headers, body),) = receiver.seen
    signed = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + body
    expected = base64.b64encode(hmac.new(b"shared secret", signed, hashlib.sha256).digest()).decode()
    assert f"v1,{expected}" == headers["webhook-signature"]


def test_without_a_secret_nothing_is_signed(receiver: Any) -> None:
    send(Params(url=receiver.url), MESSAGE)
    assert "webhook-signature" not in receiver.seen[0][0]


def test_a_secret_that_is_no_base64_is_told_before_anything_is_sent(receiver: Any) -> None:
    with pytest.raises(DeliveryError, match="whsec_"):
        send(Params(url=receiver.url, sign_with="whsec_!"), MESSAGE)
    assert receiver.seen == []


@pytest.mark.parametrize("params", [{"url": "ftp://x"}, {"url": "https://x", "timeout": "90s"}, {"url": "https://x", "timeout": 5}])
def test_params_that_make_no_sense_are_refused(params: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        Params.model_validate(params)


def test_a_timeout_has_its_unit() -> None:
    assert timedelta(seconds=5) == Params.model_validate({"url": "https://x", "timeout": "5s"}).timeout
