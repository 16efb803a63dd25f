"""The channel keeps its contract against a real receiver, tells no address, and lets nobody be mentioned by a row."""

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from pydantic import ValidationError

from headrace.testing import check_channel
from headrace.testing.channel import message
from headrace_slack import CHANNEL, DeliveryError, Params, body, send


class Slack:
    """A receiver that takes what Slack takes, under `/services/...`, and answers as Slack does."""

    def __init__(self) -> None:
        self.taken: list[dict] = []
        slack = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                text = json.loads(self.rfile.read(int(self.headers["content-length"])))
                status, word = slack.answer(self.path, text)
                self.send_response(status)
                self.end_headers()
                self.wfile.write(word.encode())

            def log_message(self, *_: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"

    def answer(self, path: str, text: dict) -> tuple[int, str]:
        if path.startswith("/services/gone"):
            return 404, "no_service"
        if path.startswith("/services/busy"):
            return 429, "<html>rate limited</html>"
        if path.startswith("/services/elsewhere"):
            return 302, ""
        (attachment,) = text["attachments"]
        for block in attachment["blocks"]:
            if block["type"] == "header" and not 0 < len(block["text"]["text"]) <= 150:
                return 400, "invalid_blocks"
            if block["type"] == "section" and len(block.get("fields", ())) > 10:
                return 400, "invalid_blocks"
            if block["type"] == "section" and "text" in block and not 0 < len(block["text"]["text"]) <= 3000:
                return 400, "invalid_blocks"
        self.taken.append(text)
        return 200, "ok"


@pytest.fixture
def slack() -> Iterator[Slack]:
    made = Slack()
    thread = threading.Thread(target=made.server.serve_forever)
    thread.start()
    yield made
    made.server.shutdown()
    thread.join()
    made.server.server_close()


def test_the_channel_keeps_its_contract(slack):
    found = check_channel(
        CHANNEL,
        {"url": f"{slack.url}/services/T0/B0/secret"},
        unreachable={"url": f"{slack.url}/services/gone/T0/secret"},
        received=lambda: len(slack.taken),
    )
    assert found == []


def test_the_receipt_is_slacks_answer(slack):
    assert send(Params(url=f"{slack.url}/services/T0"), message()) == "HTTP 200 ok"


@pytest.mark.parametrize(("path", "told"), [("gone", "404: no_service"), ("busy", "429"), ("elsewhere", "302")])
def test_what_slack_refuses_is_raised_without_the_address(slack, path, told):
    with pytest.raises(DeliveryError) as error:
        send(Params(url=f"{slack.url}/services/{path}/T0/secret"), message())
    assert f"Slack answered {told}" == str(error.value)


def test_nobody_there_is_raised_without_the_address():
    with pytest.raises(DeliveryError) as error:
        send(Params(url="http://127.0.0.1:1/services/secret"), message())
    assert str(error.value) == "Slack cannot be reached: ConnectError"


def test_a_row_mentions_nobody_and_makes_no_link():
    made = json.dumps(
        body(Params(url="env:X"), message(title="<!channel> <@U1>", text="<https://x|y> & *b*", details={"<!here>": "<!here>"}))
    )
    assert [mark for mark in ("<!", "<@", "<http") if mark in made] == []


@pytest.mark.parametrize(
    ("changed", "starts"),
    [({}, "<!here> critical: "), ({"severity": "warning"}, "warning: "), ({"status": "resolved"}, "resolved: ")],
)
def test_only_what_is_critical_and_burns_calls_people(changed, starts):
    assert body(Params(url="env:X", mention="here"), message(**changed))["text"].startswith(starts)


def test_the_colour_says_how_grave_it_is():
    colours = [
        body(Params(url="env:X"), message(**changed))["attachments"][0]["color"]
        for changed in ({}, {"severity": "warning"}, {"severity": "info"}, {"status": "resolved"})
    ]
    assert len(set(colours)) == 4


@pytest.mark.parametrize("url", ["http://hooks.slack.com/services/T0", "ftp://x", "hooks.slack.com"])
def test_an_address_in_the_clear_is_refused(url):
    with pytest.raises(ValidationError):
        Params(url=url)
