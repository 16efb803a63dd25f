"""A request that is answered where it is read: the same bytes and the same counts as by ASGI, whatever is sent and however it is cut."""

from __future__ import annotations

import json
import operator
import re
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from datetime import timedelta
from types import SimpleNamespace
from typing import Any, Self

import pytest
from serving_project import ROW, Project
from serving_project import project as make_project
from serving_sockets import Sockets, running
from sqlmodel import col, select

from headrace.compiled import ServingConfig, read
from headrace.identity import keys
from headrace.journal import ship
from headrace.serving import app
from headrace.serving.direct import HEADS
from headrace.serving.problem import Refused
from headrace.serving.workspace import open_workspace
from headrace.store.tables import Prediction

LIMITS = {"body": 4000, "depth": 3, "time": 1.0, "answer": 5.0, "concurrency": 4, "connections": 50}
BODY = json.dumps(ROW).encode()
LAST = b"GET /health/live HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n"
COUNTED = ("rest_server_requests", "headrace_predictions", "headrace_refused_requests", "headrace_unseen")


class Told:
    """A server with keys, whose answers may be asked for either way."""

    def __init__(self, sockets: Sockets, project: Project) -> None:
        self.sockets, self.project = sockets, project
        self.server = sockets.app.state.server
        self.key = keys.issue(project.store, "user:ana", name="one", models=None, environment="dev", expires=None).text
        self.server.guard._keys.look()
        self._nows = dict(sockets.made.nows)
        self.prompt = 0
        self.by(direct=True)

    def by(self, *, direct: bool) -> None:
        """Whether what comes now may be answered at once."""

        def counted(answer: Any) -> Callable[..., Any]:
            def now(*asked: Any) -> Any:
                told = answer(*asked)
                self.prompt += told is not None
                return told

            return now

        self.sockets.made.heads.clear()
        self.sockets.made.nows = {key: counted(answer) for key, answer in self._nows.items()} if direct else {}

    def head(self, *lines: str, first: str = "POST /predict HTTP/1.1", length: int | None = len(BODY), key: bool = True) -> bytes:
        told = [first, "host: x", *lines, *([f"x-api-key: {self.key}"] if key else ())]
        return "\r\n".join([*told, *([] if length is None else [f"content-length: {length}"]), "", ""]).encode()

    def counts(self) -> dict[str, float]:
        self.server.measures.settle()
        found = [sample for metric in self.server.measures.registry.collect() if metric.name in COUNTED for sample in metric.samples]
        return {f"{one.name}{sorted(one.labels.items())}": one.value for one in found if one.name.endswith("_total")}

    def said(self, data: bytes) -> bytes:
        """An answer without what differs from one to the next."""
        return re.sub(rb'date: [^\r]*|"id":"[0-9a-f]{32}"', b"", self.sockets.said(data))


@contextmanager
def opened(project: Project) -> Iterator[Sockets]:
    config = read(ServingConfig, project.config)
    with open_workspace(project.config.parent / "headrace.json", config) as workspace:
        made = app(config, workspace)
        with running(made, made.nows, config.limits) as sockets:
            yield sockets


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Told]:
    access = {"auth": {"keys": True, "jwt": None, "public": None}}
    made = make_project(tmp_path_factory.mktemp("direct"), {"access": access, "limits": LIMITS})
    number = made.register()
    made.alias("champion", number)
    made.weigh(number, made.register(1), 0.5)
    with opened(made) as sockets:
        yield Told(sockets, made)
    made.store.close()


def good(told: Told, *lines: str, **how: Any) -> bytes:
    return told.head(*lines, **how) + BODY


JSON = "content-type: application/json"
DEEP = b'{"person_id": 7, "age": [[[[1]]]]}'
CHUNKED = b"%x\r\n%b\r\n0\r\n\r\n" % (len(BODY), BODY)
UNSEEN = json.dumps({**ROW, "sex": "9"}).encode()
TWICE = BODY[:-1] + b', "age": 1}'
AT_ONCE: dict[str, Callable[[Told], bytes]] = {
    "plain": good,
    "JSON by name": lambda t: good(t, "Content-Type: application/json; charset=utf-8"),
    "below the model": lambda t: good(t, first="POST /models/employment/predict HTTP/1.1"),
    "bearer": lambda t: good(t, f"Authorization: Bearer {t.key}", key=False),
    "kept alive": lambda t: good(t, "connection: keep-alive"),
    "blank lines before": lambda t: b"\r\n\r\n" + good(t),
    "other headers": lambda t: good(t, "traceparent: 00-1-1-01", "accept: */*", "cookie: a=b"),
    "unseen": lambda t: t.head(length=len(UNSEEN)) + UNSEEN,
}
"""What is answered at once."""
OTHERWISE: dict[str, Callable[[Told], bytes]] = {
    "a query": lambda t: good(t, first="POST /predict?a=1 HTTP/1.1"),
    "an escaped path": lambda t: good(t, first="POST /%70redict HTTP/1.1"),
    "a slash more": lambda t: good(t, first="POST /predict/ HTTP/1.1"),
    "a whole URL": lambda t: good(t, first="POST http://x/predict HTTP/1.1"),
    "lower case": lambda t: good(t, first="post /predict HTTP/1.1"),
    "HTTP/1.0": lambda t: good(t, first="POST /predict HTTP/1.0"),
    "HTTP/1.0, kept": lambda t: good(t, "connection: keep-alive", first="POST /predict HTTP/1.0"),
    "HTTP/2.0": lambda t: good(t, first="POST /predict HTTP/2.0"),
    "HEAD": lambda t: t.head(first="HEAD /predict HTTP/1.1", length=None),
    "GET with a body": lambda t: good(t, first="GET /predict HTTP/1.1"),
    "expected": lambda t: good(t, "expect: 100-continue"),
    "expected otherwise": lambda t: good(t, "expect: a-miracle"),
    "lengths alike": lambda t: good(t, f"content-length: {len(BODY)}"),
    "lengths apart": lambda t: good(t, "content-length: 3"),
    "a signed length": lambda t: t.head(f"content-length: +{len(BODY)}", length=None) + BODY,
    "two lengths in one": lambda t: t.head(f"content-length: {len(BODY)}, {len(BODY)}", length=None) + BODY,
    "a long length": lambda t: t.head("content-length: 99999999999999999999", length=None) + BODY,
    "no length": lambda t: t.head(length=None),
    "no body": lambda t: t.head(length=0),
    "chunks": lambda t: t.head("transfer-encoding: chunked", length=None) + CHUNKED,
    "chunks and a length": lambda t: t.head("transfer-encoding: chunked") + CHUNKED,
    "a length and chunks": lambda t: t.head(f"content-length: {len(BODY)}", "transfer-encoding: chunked", length=None) + CHUNKED,
    "chunks by another name": lambda t: t.head("transfer-encoding : chunked") + CHUNKED,
    "another coding": lambda t: good(t, "transfer-encoding: identity"),
    "packed": lambda t: good(t, "content-encoding: gzip"),
    "a key twice": lambda t: t.head(length=len(TWICE)) + TWICE,
    "no JSON": lambda t: t.head(length=3) + b"{]}",
    "no row": lambda t: t.head(length=2) + b"{}",
    "deep": lambda t: t.head(length=len(DEEP)) + DEEP,
    "large": lambda t: t.head(length=4001) + BODY.ljust(4001),
    "another kind": lambda t: good(t, "content-type: text/plain"),
    "two kinds": lambda t: good(t, JSON, "content-type: text/plain"),
    "its own time": lambda t: good(t, "headrace-time: 2016-03-01T12:00:00Z"),
    "no key": lambda t: good(t, key=False),
    "another key": lambda t: good(t, "x-api-key: hr_x", key=False),
    "two keys": lambda t: good(t, f"authorization: Bearer {t.key}"),
    "closing": lambda t: good(t, "connection: close"),
    "a socket of the web": lambda t: good(t, "connection: upgrade, close", "upgrade: websocket"),
    "a newer protocol": lambda t: good(t, "connection: upgrade, http2-settings, close", "upgrade: h2c"),
    "folded": lambda t: good(t, "a: b\r\n c"),
    "lines that end early": lambda t: t.head().replace(b"\r\n", b"\n") + BODY,
    "a NUL": lambda t: good(t, "a: b\0c"),
    "no HTTP": lambda t: good(t, first="predict"),
}
"""What is not."""
SEVERAL: dict[str, Callable[[Told], bytes]] = {
    "twice": lambda t: good(t) + good(t),
    "many": lambda t: good(t) * 20,
    "one that waits": lambda t: b"GET /metadata HTTP/1.1\r\nhost: x\r\n\r\n".replace(b"metadata", b"nowhere") + good(t) + good(t),
    "one that is refused, then one": lambda t: good(t, key=False) + good(t),
    "a tail": lambda t: good(t) + b"\r\n",
    "a body that is a request": lambda t: t.head(length=len(LAST)) + LAST + good(t),
    "one that closes, then one": lambda t: good(t, "connection: close") + good(t),
}


def either(told: Told, data: bytes) -> tuple[list[bytes], list[dict[str, float]], int]:
    """What is said by ASGI, and at once by a head that is new and again by one that is known; what each counted; how many were at once."""
    answers: list[bytes] = []
    counts: list[dict[str, float]] = []
    for direct in (False, True, True):
        if not (direct and answers[1:]):
            told.by(direct=direct)
        before, told.prompt = told.counts(), 0
        answers.append(told.said(data))
        after = told.counts()
        counts.append({name: value - before.get(name, 0.0) for name, value in after.items() if value != before.get(name, 0.0)})
    return answers, counts, told.prompt


@pytest.mark.parametrize("name", [*AT_ONCE, *OTHERWISE, *SEVERAL])
def test_the_bytes_and_the_counts_are_those_of_asgi(told: Told, name: str) -> None:
    data = (AT_ONCE | OTHERWISE | SEVERAL)[name](told) + LAST
    (asgi, *ours), (counted, *also), prompt = either(told, data)
    assert ([asgi] * 2, [counted] * 2) == (ours, also)
    if name not in SEVERAL:
        assert (name in AT_ONCE) == prompt


@pytest.mark.parametrize("what", ["lengths apart", "no HTTP", "a bad chunk"])
def test_what_is_no_request_is_a_problem_and_counted(told: Told, what: str) -> None:
    bad: Callable[[Told], bytes] = lambda t: t.head("transfer-encoding: chunked", length=None) + b"zz\r\n"  # noqa: E731
    before = told.counts()
    said = told.said((OTHERWISE | {"a bad chunk": bad})[what](told))
    head, _, body = said.partition(b"\r\n\r\n")
    assert (True, True) == (head.startswith(b"HTTP/1.1 400 "), b"\r\nconnection: close" in head)
    assert "urn:headrace:malformed-request" == json.loads(body)["type"]
    name = "headrace_refused_requests_total[('model', 'employment'), ('status', '400')]"
    assert 1.0 == told.counts()[name] - before.get(name, 0.0)


@pytest.mark.parametrize("size", [1, 33, 200])
def test_it_is_no_matter_how_the_bytes_are_cut(told: Told, size: int) -> None:
    cases = AT_ONCE | {name: OTHERWISE[name] for name in ("chunks", "no row", "no key", "a query", "expected")}
    for make in cases.values():
        told.by(direct=False)
        expected = told.said(make(told) + LAST)
        told.by(direct=True)
        told.sockets.cut.size = size
        assert expected == told.said(make(told) + LAST)
        told.sockets.cut.size = 2**30


class Talk:
    """One connection, kept."""

    def __init__(self, told: Told) -> None:
        self.connection = told.sockets.connect()
        self.reader = self.connection.makefile("rb")

    def ask(self, data: bytes, answers: int = 1) -> list[dict[str, Any]]:
        """What so many answers say."""
        self.connection.sendall(data)
        return [self.answer() for _ in range(answers)]

    def answer(self) -> dict[str, Any]:
        lines = list(iter(self.reader.readline, b"\r\n")) if self.reader.peek() else [b"closed 0"]
        size = next((int(line.split(b":")[1]) for line in lines if line.startswith(b"content-length")), 0)
        found: dict[str, Any] = {"status": int(lines[0].split()[1])} | json.loads(self.reader.read(size) or "{}")
        return found

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.reader.close()
        self.connection.close()


def test_a_known_head_is_that_of_one_whole_request(told: Told) -> None:
    with Talk(told) as talk:
        for data, answers in ((good(told), 1), (good(told), 1), (told.head(), 0), (BODY, 1), (good(told) + good(told)[:-1], 1), (b"}", 1)):
            assert [200] * answers == [one["status"] for one in talk.ask(data, answers)]
    assert [told.head()] == list(told.sockets.made.heads)


def test_a_known_head_waits_for_the_last_byte_though_what_is_there_is_a_row(told: Told) -> None:
    longer = told.head(length=len(BODY) + 1)
    with Talk(told) as talk:
        talk.ask(longer + BODY + b" ")
        talk.ask(longer + BODY, 0)
        until(lambda: told.sockets.server.server_state.tasks)
        assert [200, 200] == [one["status"] for one in talk.ask(b" " + good(told), 2)]


def test_of_what_is_read_at_once_one_is_answered_at_once(told: Told) -> None:
    told.by(direct=True)
    told.prompt = 0
    assert (3, 1) == (told.said(good(told) * 3 + LAST).count(b'"prediction"'), told.prompt)


def test_a_key_that_ends_opens_nothing_by_a_known_head_either(told: Told, monkeypatch: pytest.MonkeyPatch) -> None:
    store, known = told.project.store, told.server.guard._keys
    issued = [keys.issue(store, "user:ana", name="two", models=None, environment="dev", expires=timedelta(hours=1)) for _ in range(2)]
    revoked, expired = (told.head(f"x-api-key: {one.text}", key=False) + BODY for one in issued)
    known.look()
    with Talk(told) as talk:
        taken = [talk.ask(data)[0]["status"] for data in (revoked, revoked, expired, expired)]
        keys.revoke(store, "user:ana", issued[0].row.id, environment="dev")
        known.look()
        taken += [talk.ask(data)[0]["status"] for data in (revoked, expired, expired)]
        later = time.time() + 7200
        monkeypatch.setattr("headrace.serving.keyring.time", SimpleNamespace(time=lambda: later, monotonic=time.monotonic))
        taken += [talk.ask(expired)[0]["status"]]
    assert [200, 200, 200, 200, 401, 200, 200, 401] == taken


def test_a_key_that_may_not_predict_is_answered_nowhere(told: Told) -> None:
    store, known = told.project.store, told.server.guard._keys
    issued = [
        keys.issue(store, "user:ana", name="one", models=None, environment="dev", expires=None, scopes=scopes)
        for scopes in (["observe", "manage"], ["predict"])
    ]
    watching, asking = (told.head(f"x-api-key: {one.text}", key=False) + BODY for one in issued)
    known.look()
    told.by(direct=True)
    with Talk(told) as talk:
        assert [403, 403, 200, 200] == [talk.ask(data)[0]["status"] for data in (watching, watching, asking, asking)]


def test_heads_that_are_never_sent_again_take_no_memory(told: Told) -> None:
    told.by(direct=True)
    told.prompt = 0
    with Talk(told) as talk:
        for number in range(HEADS + 10):
            talk.ask(good(told, f"traceparent: {number}"))
    assert (HEADS + 10, 10) == (told.prompt, len(told.sockets.made.heads))


def test_what_is_acknowledged_is_journalled_once(told: Told) -> None:
    with Talk(told) as talk:
        ids = [one["id"] for one in talk.ask(good(told) * 3, 3) + talk.ask(good(told)) + talk.ask(good(told))]
    ship(told.project.store, told.project.spool)
    with told.project.store.read() as session:
        found = session.exec(select(Prediction.id).where(col(Prediction.id).in_(ids))).all()
    assert sorted(ids) == sorted(found)


def test_a_server_that_has_enough_to_do_says_so(told: Told, monkeypatch: pytest.MonkeyPatch) -> None:
    with Talk(told) as talk:
        talk.ask(good(told))
        monkeypatch.setattr(told.server.load, "working", LIMITS["concurrency"])
        assert (503, "urn:headrace:overloaded") == operator.itemgetter("status", "type")(talk.ask(good(told))[0])


def until(true: Callable[[], object], seconds: float = 60.0) -> None:
    ends = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < ends
        time.sleep(0.002)


def raising(error: Exception) -> Callable[..., None]:
    def put(data: bytes, *, several: bool) -> None:
        raise error

    return put


@pytest.mark.parametrize("error", [OSError(28, "no room"), RuntimeError("secret")])
def test_what_goes_wrong_afterwards_is_told_as_asgi_tells_it(told: Told, monkeypatch: pytest.MonkeyPatch, error: Exception) -> None:
    monkeypatch.setattr(told.server._spool, "_put", raising(error))
    (asgi, *ours), (counted, *also), _ = either(told, good(told) + LAST)
    assert ([asgi] * 2, [counted] * 2, True) == (ours, also, b"secret" not in asgi and b" 50" in asgi)


@contextmanager
def held(told: Told) -> Iterator[None]:
    """The event loop reads nothing within the block, and then all that came at once."""
    holds, go = threading.Event(), threading.Event()
    connection: Any = next(iter(told.sockets.server.server_state.connections))
    connection.loop.call_soon_threadsafe(lambda: holds.set() or go.wait(60))
    assert holds.wait(60)
    try:
        yield
    finally:
        go.set()


def at_once(told: Told, talks: list[Talk]) -> list[dict[str, Any]]:
    """What each of some connections is told, whose requests are read in one turn."""
    with held(told):
        for talk in talks:
            talk.connection.sendall(good(told))
    return [talk.answer() for talk in talks]


@pytest.fixture
def talks(told: Told) -> Iterator[list[Talk]]:
    told.by(direct=True)
    with ExitStack() as opened_:
        made = [opened_.enter_context(Talk(told)) for _ in range(5)]
        for talk in made:
            talk.ask(good(told))
        yield made


def test_what_is_read_in_one_turn_is_journalled_by_one_write(told: Told, talks: list[Talk], monkeypatch: pytest.MonkeyPatch) -> None:
    put, writes = told.server._spool._put, []
    monkeypatch.setattr(told.server._spool, "_put", lambda data, *, several: writes.append(len(data)) or put(data, several=several))
    before = told.counts()
    ids = [one["id"] for one in at_once(told, talks)]
    ship(told.project.store, told.project.spool)
    with told.project.store.read() as session:
        kept = session.exec(select(Prediction.id).where(col(Prediction.id).in_(ids))).all()
    counted = {name: value - before[name] for name, value in told.counts().items() if value != before.get(name)}
    assert (1, sorted(set(ids)), {5.0}) == (len(writes), sorted(kept), set(counted.values()))


def test_a_full_turn_does_not_wait_for_its_end(told: Told, talks: list[Talk], monkeypatch: pytest.MonkeyPatch) -> None:
    put, writes = told.server._spool._put, []
    monkeypatch.setattr("headrace.serving.turn.MOST", 2)
    monkeypatch.setattr(told.server._spool, "_put", lambda data, *, several: writes.append(several) or put(data, several=several))
    assert ([200] * 5, [True, True, False]) == ([one["status"] for one in at_once(told, talks)], writes)


def test_nobody_is_told_what_the_journal_did_not_take(told: Told, talks: list[Talk], monkeypatch: pytest.MonkeyPatch) -> None:
    put, alone = told.server._spool._put, iter(range(5))

    def some(data: bytes, *, several: bool) -> None:
        if several or next(alone) == 3:
            raise OSError(28, "no room")
        put(data, several=several)

    monkeypatch.setattr(told.server._spool, "_put", some)
    found = at_once(told, talks)
    ship(told.project.store, told.project.spool)
    with told.project.store.read() as session:
        kept = session.exec(select(Prediction.id).where(col(Prediction.id).in_([one.get("id", "") for one in found]))).all()
    refused = [one["type"] for one in found if one["status"] == 503]
    assert (["urn:headrace:journal-unwritable"], 4) == (refused, len(kept))


def test_a_swap_within_a_turn_leaves_each_answer_its_own(told: Told, talks: list[Talk]) -> None:
    current = told.server.current
    before = current.snapshot
    alone = replace(before, weights=(("champion", 1.0),), arms={"champion": before.arms["champion"]}, epoch=before.epoch + 1)
    asked: list[Any] = []

    def counted(epoch: int) -> int:
        return sum(n for (of, _, metric), (n, _) in told.server.counter.totals().items() if (of, metric) == (epoch, "error_rate"))

    had = counted(before.epoch)

    def swapping(answer: Callable[..., Any]) -> Callable[..., Any]:
        def now(*given: Any) -> Any:
            asked.append(None)
            current.snapshot = alone if len(asked) == 3 else current.snapshot
            return answer(*given)

        return now

    told.sockets.made.heads.clear()
    told.sockets.made.nows = {key: swapping(answer) for key, answer in told.sockets.made.nows.items()}
    try:
        ids = [one["id"] for one in at_once(told, talks)]
    finally:
        current.snapshot = before
        told.by(direct=True)
    ship(told.project.store, told.project.spool)
    with told.project.store.read() as session:
        epochs = session.exec(select(Prediction.epoch).where(col(Prediction.id).in_(ids))).all()
    assert {before.epoch: 2, alone.epoch: 3} == {epoch: list(epochs).count(epoch) for epoch in epochs}
    assert (2, 3) == (counted(before.epoch) - had, counted(alone.epoch))


@pytest.mark.parametrize("what", ["shutdown", "eof_received", "refused", "more"])
def test_what_comes_of_a_connection_comes_behind_the_answer_that_it_waits_for(told: Told, talks: list[Talk], what: str) -> None:
    refused = Refused(431, "too-large-head", "x")
    end: dict[str, Callable[[Any], object]] = {
        "shutdown": lambda connection: connection.shutdown(),
        "eof_received": lambda connection: connection.eof_received() or connection.transport.close(),
        "refused": lambda connection: connection.refuse(refused),
        "more": lambda connection: connection.data_received(LAST),
    }
    (talk, connection), data = alone(told, talks), good(told)
    connection.loop.call_soon_threadsafe(lambda: (connection.data_received(data), end[what](connection)))
    assert (200, True) == (talk.answer()["status"], talk.reader.read().count(b"HTTP/1.1") == (what in {"refused", "more"}))


def test_no_timer_closes_a_connection_that_waits_for_its_answer(told: Told, talks: list[Talk]) -> None:
    (talk, connection), data = alone(told, talks), good(told)
    later = connection.timeout_keep_alive + 1.0
    connection.loop.call_soon_threadsafe(lambda: (connection.data_received(data), connection.slow(connection.loop.time() + later)))
    assert [200, 200] == [talk.answer()["status"], talk.ask(data)[0]["status"]]


def alone(told: Told, talks: list[Talk]) -> tuple[Talk, Any]:
    """One of the connections, and the server's side of it."""
    mine = talks[0].connection.getsockname()
    return talks[0], next(one for one in told.sockets.server.server_state.connections if one.client == mine)


def test_a_connection_on_which_nothing_is_asked_is_closed_in_the_end(told: Told) -> None:
    with Talk(told) as talk:
        talk.ask(good(told))
        connection: Any = next(iter(told.sockets.server.server_state.connections))
        loop = connection.loop
        for seconds in (1.0, connection.timeout_keep_alive):
            talk.ask(good(told))
            loop.call_soon_threadsafe(lambda after=seconds: connection.slow(connection.idle + after))
        assert b"" == talk.reader.read()


def test_a_client_that_does_not_read_is_waited_for(told: Told) -> None:
    count = 3000
    with Talk(told) as talk:
        sending = threading.Thread(target=talk.connection.sendall, args=(good(told) * count,))
        sending.start()
        assert [200] * count == [talk.answer()["status"] for _ in range(count)]
        sending.join()


def test_a_client_that_is_gone_is_journalled_and_nobody_else_minds(told: Told) -> None:
    with Talk(told) as gone, Talk(told) as other:
        gone.ask(good(told))
        before = told.counts()
        gone.connection.sendall(good(told))
        gone.connection.shutdown(socket.SHUT_RDWR)
        until(lambda: told.counts() != before)
        assert 200 == other.ask(good(told))[0]["status"]


@pytest.mark.parametrize("direct", [True, False])
def test_each_single_row_that_is_answered_tells_large_work_to_wait(told: Told, direct: bool) -> None:  # noqa: FBT001
    told.by(direct=direct)
    before = told.server.load.told
    with Talk(told) as talk:
        assert [200, 200] == [talk.ask(told.head() + BODY)[0]["status"] for _ in range(2)]
    assert 2 == told.server.load.told - before
