"""The replay's HTTP against a real server."""

from __future__ import annotations

import socket
from collections.abc import Iterator

import pytest
from answering import Answering

from headrace.backtest import client as room
from headrace.backtest.client import Client
from headrace.diagnostics import HeadraceError


@pytest.fixture
def server() -> Iterator[Answering]:
    with Answering() as running:
        yield running


@pytest.fixture
def client(server: Answering) -> Iterator[Client]:
    made = Client(server.url, timeout=5)
    yield made
    made.close()


def fault(raised: pytest.ExceptionInfo[HeadraceError]) -> tuple[str, str]:
    (found,) = raised.value.report
    return found.id, found.message


def test_json_goes_out_and_comes_back_over_one_connection(server: Answering, client: Client) -> None:
    server.say("/predict", {"prediction": 0.5})
    server.say("/metadata", {"epoch": 3})
    assert {"prediction": 0.5} == client.post("/predict", {"visit": 1, "code": None}, {"Headrace-Time": "2016-01-01"})
    assert {"epoch": 3} == client.get("/metadata")
    (post, get) = server.asked
    assert ("/predict", {"visit": 1, "code": None}, "2016-01-01") == (post.path, post.body, post.time)
    assert (("/metadata", None), 1) == ((get.path, get.body), len(server.connections))


def test_an_idle_connection_is_opened_anew(server: Answering, client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    server.say("/metadata", {})
    monkeypatch.setattr(room, "IDLE", -1.0)
    client.get("/metadata")
    server.drop()
    assert {} == client.get("/metadata")
    assert 2 == len(server.connections)


def test_a_connection_that_the_server_ended_is_told_and_the_next_is_a_new_one(server: Answering, client: Client) -> None:
    server.say("/metadata", {})
    client.get("/metadata")
    server.drop()
    with pytest.raises(HeadraceError) as raised:
        client.get("/metadata")
    assert "server-away" == fault(raised)[0]
    assert {} == client.get("/metadata")


@pytest.mark.parametrize("status", [301, 400, 422, 500, 503])
def test_whatever_is_no_success_is_an_error(server: Answering, client: Client, status: int) -> None:
    server.say("/predict", {"detail": "no"}, status=status)
    with pytest.raises(HeadraceError) as raised:
        client.post("/predict", {})
    assert ("request-refused", f'POST /predict was answered {status}: {{"detail": "no"}}') == fault(raised)


def test_an_answer_that_is_no_json_comes_from_somebody_else(server: Answering, client: Client) -> None:
    server.say("/predict", b"<html>")
    with pytest.raises(HeadraceError) as raised:
        client.post("/predict", {})
    assert ("request-refused", True) == (fault(raised)[0], server.url in fault(raised)[1])


def test_a_server_that_is_away_is_told_with_what_to_type() -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        client = Client(f"http://127.0.0.1:{probe.getsockname()[1]}")
        with pytest.raises(HeadraceError) as raised:
            client.get("/metadata")
    (found,) = raised.value.report
    assert ("server-away", "start it: `headrace up`") == (found.id, found.help)


def test_a_server_that_says_nothing_is_away(server: Answering) -> None:
    client = Client(server.url, timeout=0.1)
    server.silent = True
    with pytest.raises(HeadraceError) as raised:
        client.get("/metadata")
    assert "server-away" == fault(raised)[0]
