"""Tokens at a server: a real identity provider's key set on loopback, real keys, and what happens while it is away."""

import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from fastapi.testclient import TestClient
from jwt.algorithms import ECAlgorithm
from serving_project import MODEL, ROW, Project
from serving_project import project as make_project

from headrace.compiled import ServingConfig, read
from headrace.serving import app, jwks
from headrace.serving.workspace import open_workspace

ISSUER = "https://login.example.com/"


class Provider:
    """An identity provider: keys by name, their set at a URL, and how often that was asked for."""

    def __init__(self) -> None:
        self.keys: dict[str, Any] = {}
        self.asked = 0
        self.answer: Callable[[], tuple[int, bytes]] = lambda: (200, self.text())
        provider = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                provider.asked += 1
                status, body = provider.answer()
                self.send_response(status)
                if status == 302:
                    self.send_header("Location", "/moved")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        self.url = f"http://127.0.0.1:{self.server.server_port}/jwks.json"

    def new(self, name: str) -> None:
        self.keys[name] = ec.generate_private_key(ec.SECP256R1())

    def text(self) -> bytes:
        written = [ECAlgorithm.to_jwk(key.public_key(), as_dict=True) | {"kid": name} for name, key in self.keys.items()]
        return json.dumps({"keys": written}).encode()

    def token(self, name: str = "one", **changed: Any) -> dict[str, str]:
        now = int(time.time())
        told = {"iss": ISSUER, "aud": "headrace", "sub": "ana", "iat": now, "exp": now + 600, "scope": "predict"} | changed
        return {"Authorization": f"Bearer {jwt.encode(told, self.keys[name], algorithm='ES256', headers={'kid': name})}"}

    def close(self) -> None:
        self.server.shutdown()
        self.server.server_close()


@pytest.fixture
def provider() -> Iterator[Provider]:
    made = Provider()
    made.new("one")
    yield made
    made.close()


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Callable[..., TestClient]]:
    with ExitStack() as stack:

        def started(source: str, **access: Any) -> TestClient:
            told = {"issuer": ISSUER, "audience": "headrace", "jwks": source, "algorithms": ["ES256"], "scope": "predict"}
            auth = {"keys": False, "jwt": told, "public": ["metrics"]}
            made: Project = make_project(tmp_path, {"access": {"auth": auth, **access}})
            stack.callback(made.store.close)
            made.alias("champion", made.register())
            config = read(ServingConfig, made.config)
            workspace = stack.enter_context(open_workspace(made.config.parent / "headrace.json", config))
            return stack.enter_context(TestClient(app(config, workspace)))

        yield started


def ask(client: TestClient, headers: dict[str, str]) -> tuple[int, str]:
    reply = client.post("/predict", json=ROW, headers=headers)
    told = reply.json()
    return reply.status_code, str(told.get("detail", ""))


def test_a_token_of_the_issuer_opens_and_another_does_not(provider: Provider, start: Callable[..., TestClient]) -> None:
    client = start(provider.url)
    replies = [ask(client, headers) for headers in (provider.token(), provider.token(aud="other"), provider.token(scope="read"), {})]
    assert [200, 401, 403, 401] == [status for status, _ in replies]
    assert ("another audience" in replies[1][1], "not allowed `predict`" in replies[2][1]) == (True, True)
    assert 1 == provider.asked


def test_a_token_may_do_what_its_words_say(provider: Provider, start: Callable[..., TestClient]) -> None:
    client = start(provider.url)
    asked = {
        "outcomes": lambda headers: client.post("/outcomes", json={"outcomes": []}, headers=headers),
        "observe": lambda headers: client.get("/metadata", headers=headers),
        "manage": lambda headers: client.post(f"/v2/repository/models/{MODEL}/load", headers=headers),
    }
    allowed = {
        words: {name for name, ask in asked.items() if ask(provider.token(scope=words)).status_code != 403}
        for words in ("predict", "predict observe", "predict manage")
    }
    assert {"predict": {"outcomes"}, "predict observe": {"outcomes", "observe"}, "predict manage": {"outcomes", "manage"}} == allowed


def test_an_api_key_is_none_where_only_tokens_are_taken(provider: Provider, start: Callable[..., TestClient]) -> None:
    key = "hr_" + "a" * 12 + "_" + "b" * 43
    client = start(provider.url)
    assert [(401, "the server takes no API keys")] * 2 == [ask(client, h) for h in ({"X-API-Key": key}, {"Authorization": f"Bearer {key}"})]


def test_a_key_set_in_a_file_will_do(provider: Provider, start: Callable[..., TestClient], tmp_path: Path) -> None:
    (tmp_path / "jwks.json").write_bytes(provider.text())
    assert (200, 0) == (ask(start("file:jwks.json"), provider.token())[0], provider.asked)


def test_a_new_key_of_the_issuer_is_read_for_the_first_token_that_names_it(
    provider: Provider, start: Callable[..., TestClient], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(jwks, "ASKED", 0.0)
    client = start(provider.url)
    provider.new("two")
    assert ([200, 200], 2) == ([ask(client, provider.token(name))[0] for name in ("two", "one")], provider.asked)


def test_unknown_keys_make_the_server_ask_no_oftener_than_it_may(provider: Provider, start: Callable[..., TestClient]) -> None:
    client = start(provider.url)
    stranger = Provider()
    stranger.new("stranger")
    stranger.close()
    replies = {ask(client, stranger.token("stranger"))[0] for _ in range(50)}
    assert ({401}, 200) == (replies, ask(client, provider.token())[0])
    assert provider.asked <= 2


def test_a_token_that_was_believed_ends_with_the_key_that_signed_it(
    provider: Provider, start: Callable[..., TestClient], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(jwks, "ASKED", 0.0)
    client = start(provider.url)
    old = provider.token()
    provider.new("two")
    before = ask(client, old)[0]
    withdrawn = provider.keys.pop("one")
    ask(client, provider.token("two"))  # which has the set read again
    after = ask(client, old)[0]
    provider.keys["one"] = withdrawn
    assert (200, 401) == (before, after)


ANSWERS: dict[str, Callable[[], tuple[int, bytes]]] = {
    "an error": lambda: (500, b""),
    "no JSON": lambda: (200, b"<html>"),
    "no keys": lambda: (200, b'{"keys": []}'),
    "another address": lambda: (302, b""),
    "too much": lambda: (200, b" " * (2**20 + 1)),
}


@pytest.mark.parametrize("answer", ANSWERS)
def test_without_a_key_set_from_the_start_tokens_are_503_and_from_the_next_try_on_taken(
    provider: Provider, start: Callable[..., TestClient], monkeypatch: pytest.MonkeyPatch, answer: str
) -> None:
    monkeypatch.setattr(jwks, "AGAIN", 0.05)
    well, provider.answer = provider.answer, ANSWERS[answer]
    client = start(provider.url)
    refused = client.post("/predict", json=ROW, headers=provider.token())
    assert (503, "urn:headrace:auth-unavailable", "1") == (refused.status_code, refused.json()["type"], refused.headers["retry-after"])
    provider.answer = well
    until = time.monotonic() + 60
    while ask(client, provider.token())[0] != 200:
        assert time.monotonic() < until
        time.sleep(0.02)


def test_a_key_set_that_is_away_later_changes_nothing(
    provider: Provider, start: Callable[..., TestClient], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(jwks, "FRESH", 0.05)
    monkeypatch.setattr(jwks, "AGAIN", 0.05)
    client = start(provider.url)
    provider.answer = lambda: (500, b"")
    until = time.monotonic() + 60
    while f'headrace_errors_total{{model="{MODEL}",part="jwks"}}' not in client.get("/metrics").text:
        assert time.monotonic() < until
        time.sleep(0.02)
    assert 200 == ask(client, provider.token())[0]


def test_a_believed_token_is_believed_until_it_expires_and_no_longer(
    provider: Provider, start: Callable[..., TestClient], monkeypatch: pytest.MonkeyPatch
) -> None:
    client = start(provider.url)
    token = provider.token()
    first = ask(client, token)[0]
    real = time.time
    monkeypatch.setattr("headrace.serving.guard.time.time", lambda: real() + 700)
    monkeypatch.setattr("headrace.serving.guard.verify", _refuse)
    assert (200, 418) == (first, client.post("/predict", json=ROW, headers=token).status_code)


def _refuse(*_: object) -> None:
    from headrace.serving.problem import Refused

    raise Refused(418, "asked-again", "the token was looked at again")


def test_a_rate_by_key_counts_a_tokens_subject(provider: Provider, start: Callable[..., TestClient]) -> None:
    client = start(provider.url, rate={"per_second": 0.01, "burst": 1, "by": "key"})
    replies = [ask(client, provider.token(sub=sub, n=n))[0] for n, sub in enumerate(("ana", "ana", "ben"))]
    assert [200, 429, 200] == replies
