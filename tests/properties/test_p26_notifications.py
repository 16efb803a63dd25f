"""P26: whatever a receiver answers, each message is taken exactly once under its own id, or dead after eight attempts with the reason."""

import json
import threading
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from monitored_values import MODEL, storing, told
from sqlmodel import select

from headrace import notify
from headrace.compiled import ChannelConfig
from headrace.diagnostics import Report
from headrace.hooks import Message, load_plugins
from headrace.notify.outbox import ATTEMPTS
from headrace.store import EventKind
from headrace.store.tables import Outbox

WALL = datetime(2026, 1, 1, tzinfo=UTC)
PLUGINS = load_plugins(None, Report(), allow=[])
MIXED = st.lists(st.sampled_from([200, 204, 301, 404, 429, 500, 503]), max_size=25)
FAILING = st.lists(st.sampled_from([301, 404, 500]), min_size=2 * ATTEMPTS, max_size=4 * ATTEMPTS)
MESSAGE = Message("f" * 64, MODEL, "drifting", "warning", "firing", "title", "text", {}, WALL)


@pytest.fixture(scope="module")
def receiver():
    """A real HTTP receiver: answers the plan, then 200, and keeps what it took."""

    class Handler(BaseHTTPRequestHandler):
        plan: list[int] = []  # noqa: RUF012 - the test's own
        seen: list[tuple[int, str]] = []  # noqa: RUF012

        def do_POST(self):
            body = json.loads(self.rfile.read(int(self.headers["content-length"])))
            status = self.plan.pop(0) if self.plan else 200
            self.seen.append((status, body["id"]))
            self.send_response(status)
            self.send_header("content-length", "0")
            self.end_headers()

        def log_message(self, *_):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
    yield server
    server.shutdown()
    server.server_close()


@settings(max_examples=10, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(plan=st.one_of(MIXED, FAILING), messages=st.integers(1, 3))
def test_every_message_is_taken_once_or_dead_with_its_reason(receiver, plan, messages):
    handler = receiver.RequestHandlerClass
    handler.plan, handler.seen = list(plan), []
    channels = {"team": ChannelConfig(type="webhook", params={"url": f"http://127.0.0.1:{receiver.server_port}/", "timeout": "5s"})}
    with storing() as store:
        with store.transaction("test", "put", MODEL) as session:
            ids = [id_ for _ in range(messages) for id_ in notify.put(session, MESSAGE, ["team"], WALL)]
        taken = sum(notify.deliver(store, PLUGINS, channels, WALL + hours * timedelta(hours=2)) for hours in range(ATTEMPTS + 2))
        with store.read() as session:
            rows = {row.id: row for row in session.exec(select(Outbox))}
        events = [event["message"] for event in told(store, EventKind.ALERT_DELIVERED)]
    tries = {id_: [status for status, seen in handler.seen if seen == id_] for id_ in ids}
    for id_ in ids:
        good = [status for status in tries[id_] if 200 <= status < 300]
        assert (rows[id_].status, len(good)) in {("delivered", 1), ("dead", 0)}
        assert rows[id_].attempts == len(tries[id_]) <= ATTEMPTS
        assert (rows[id_].last_error is None) == (rows[id_].status == "delivered") == (id_ in events)
        assert rows[id_].status == "delivered" or rows[id_].last_error == f"the receiver answered {tries[id_][-1]}"
    assert taken == len(events) == sum(row.status == "delivered" for row in rows.values())
