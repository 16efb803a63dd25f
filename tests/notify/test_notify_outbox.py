from __future__ import annotations

import json
import threading
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlmodel import select

from headrace import notify
from headrace.compiled import ChannelConfig
from headrace.diagnostics import HeadraceError
from headrace.hooks import ChannelType, Message, Plugins
from headrace.notify.outbox import ATTEMPTS, _send
from headrace.secrets import Secrets
from headrace.store import EventKind, Store, events
from headrace.store.tables import Outbox

WALL = datetime(2026, 7, 1, 12, tzinfo=UTC)
SECOND = timedelta(seconds=1)
MESSAGE = Message(
    fingerprint="f" * 64,
    model="employment",
    alert="drifting",
    severity="warning",
    status="firing",
    title="model/employment: drifting fires",
    text="drift.share > 0.05",
    details={"window": {"number": 3}},
    at=datetime(2016, 9, 1, tzinfo=UTC),
)
WEBHOOK = {"ml-team": ChannelConfig(type="webhook", params={"url": "env:ML_TEAM_URL", "timeout": "0.3s"})}
LOG = {"ml-log": ChannelConfig(type="log", params={"path": "notes/alerts.jsonl"})}


def post(store: Store, *channels: str) -> list[str]:
    with store.transaction("service:monitor", "alert", "model/employment") as session:
        return notify.put(session, MESSAGE, channels, WALL)


def rows(store: Store) -> list[Outbox]:
    with store.read() as session:
        return list(session.exec(select(Outbox).order_by(Outbox.channel)))


def row(store: Store) -> Outbox:
    (only,) = rows(store)
    return only


@pytest.fixture
def team(receiver: Any, monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.setenv("ML_TEAM_URL", receiver.url)
    return receiver


def test_a_message_reaches_a_webhook_with_its_fingerprint_and_id(store: Store, plugins: Plugins, team: Any) -> None:
    (id_,) = post(store, "ml-team")
    notify.deliver(store, plugins, WEBHOOK, WALL)
    assert [replace(MESSAGE, id=id_).to_json()] == team.bodies


def test_what_was_delivered_is_not_sent_again(store: Store, plugins: Plugins, team: Any) -> None:
    post(store, "ml-team")
    counts = [notify.deliver(store, plugins, WEBHOOK, WALL + n * 3600 * SECOND) for n in range(3)]
    assert ([1, 0, 0], 1, ("delivered", "HTTP 204", 1)) == (
        counts,
        len(team.seen),
        (row(store).status, row(store).receipt, row(store).attempts),
    )


def test_a_delivery_is_an_event_of_the_model(store: Store, plugins: Plugins, team: Any) -> None:
    (id_,) = post(store, "ml-team")
    notify.deliver(store, plugins, WEBHOOK, WALL)
    with store.read() as session:
        (event,) = events.log(session, "employment", [EventKind.ALERT_DELIVERED])
    assert event.payload == {
        "message": id_,
        "alert": "drifting",
        "status": "firing",
        "fingerprint": "f" * 64,
        "channel": "ml-team",
        "attempts": 1,
        "receipt": "HTTP 204",
    }


def test_a_receiver_that_fails_hangs_and_recovers_gets_the_message_once(store: Store, plugins: Plugins, team: Any) -> None:
    (id_,) = post(store, "ml-team")
    team.plan = [500, 302, "hang"]
    story = []
    for wait in (0, 4, 5, 15, 35):
        taken = notify.deliver(store, plugins, WEBHOOK, WALL + wait * SECOND)
        story.append((wait, taken, row(store).attempts, row(store).last_error))
    assert story == [
        (0, 0, 1, "the receiver answered 500"),
        (4, 0, 1, "the receiver answered 500"),  # not due yet: 5 s after the first failure
        (5, 0, 2, "the receiver answered 302"),
        (15, 0, 3, "no answer within 0.3 s"),
        (35, 1, 4, None),
    ]
    assert {id_} == {headers["webhook-id"] for headers, _ in team.seen}


def test_a_message_is_dead_after_eight_attempts_and_says_why(store: Store, plugins: Plugins, team: Any) -> None:
    post(store, "ml-team")
    team.plan = [503] * 20
    for day in range(12):
        notify.deliver(store, plugins, WEBHOOK, WALL + timedelta(days=day))
    assert ("dead", ATTEMPTS, ATTEMPTS, "the receiver answered 503") == (
        row(store).status,
        row(store).attempts,
        len(team.seen),
        row(store).last_error,
    )


def test_a_receiver_that_is_away_is_named_without_its_address(store: Store, plugins: Plugins, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ML_TEAM_URL", "http://127.0.0.1:9/canary-value")
    post(store, "ml-team")
    notify.deliver(store, plugins, WEBHOOK, WALL)
    assert row(store).last_error == "the receiver cannot be reached: ConnectError"


def test_a_missing_variable_is_named(store: Store, plugins: Plugins, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("ML_TEAM_URL", raising=False)
    post(store, "ml-team")
    notify.deliver(store, plugins, WEBHOOK, WALL)
    assert ("pending", "the environment variable ML_TEAM_URL is not set") == (row(store).status, row(store).last_error)


def test_one_channel_that_fails_keeps_no_other_from_its_message(store: Store, plugins: Plugins, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("ML_TEAM_URL", raising=False)
    post(store, "ml-team", "ml-log", "ml-gone")
    taken = notify.deliver(store, plugins, WEBHOOK | LOG, WALL)
    assert (
        1,
        {
            "ml-gone": "channel/ml-gone is not declared any more",
            "ml-log": None,
            "ml-team": "the environment variable ML_TEAM_URL is not set",
        },
    ) == (
        taken,
        {item.channel: item.last_error for item in rows(store)},
    )


def test_a_type_that_no_plugin_offers_is_named(store: Store, plugins: Plugins) -> None:
    post(store, "ml-team")
    notify.deliver(store, plugins, {"ml-team": ChannelConfig(type="pigeon", params={})}, WALL)
    assert row(store).last_error == "no plugin offers channels of the type `pigeon`"


@pytest.mark.parametrize("channels", [{}, {"ml-team": ChannelConfig(type="pigeon", params={})}])
def test_a_channel_that_is_gone_is_a_fault_of_its_own(store: Store, plugins: Plugins, tmp_path: Path, channels: Any) -> None:
    post(store, "ml-team")
    with pytest.raises(HeadraceError) as raised:
        _send(plugins, channels, row(store), Secrets(tmp_path), tmp_path)
    assert ["unknown-channel"] == [fault.id for fault in raised.value.report]


def test_params_that_do_not_fit_are_named_without_their_values(store: Store, plugins: Plugins, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ML_TEAM_URL", "canary-value is no address")
    post(store, "ml-team")
    notify.deliver(store, plugins, {"ml-team": ChannelConfig(type="webhook", params={"url": "env:ML_TEAM_URL", "colour": "red"})}, WALL)
    assert "`url`: String should match pattern '^(https?://|env:|file:)'; `colour`: Extra inputs are not permitted" == row(store).last_error


def test_no_secret_reaches_the_store(store: Store, plugins: Plugins, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CANARY", "canary-value")
    tattling = replace(plugins, channels={"tattle": ChannelType("tattle", f"{__name__}:Anything", f"{__name__}:tattle")})
    post(store, "ml-team")
    notify.deliver(store, tattling, {"ml-team": ChannelConfig(type="tattle", params={"deep": [{"key": "env:CANARY"}]})}, WALL)
    assert row(store).last_error == "RuntimeError: <env:CANARY> was refused"
    store.close()
    assert not any(b"canary-value" in path.read_bytes() for path in store.root.rglob("*") if path.is_file())


class Anything:
    """Params that take what comes."""

    @staticmethod
    def model_validate(value: Any, **_: Any) -> Any:
        return value


def tattle(params: Any, message: Message) -> str:
    raise RuntimeError(f"{params['deep'][0]['key']} was refused")


def test_a_secret_may_stand_in_a_file(store: Store, plugins: Plugins, receiver: Any) -> None:
    (store.root / "address").write_text(receiver.url + "\n", encoding="utf-8")
    post(store, "ml-team")
    assert notify.deliver(store, plugins, {"ml-team": ChannelConfig(type="webhook", params={"url": "file:address"})}, WALL) == 1


def test_two_that_deliver_at_once_send_once(store: Store, plugins: Plugins, team: Any) -> None:
    for _ in range(5):
        post(store, "ml-team")
    barrier, taken = threading.Barrier(3), []

    def work() -> None:
        barrier.wait()
        taken.append(notify.deliver(store, plugins, WEBHOOK, WALL))

    threads = [threading.Thread(target=work) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (5, 5) == (sum(taken), len({headers["webhook-id"] for headers, _ in team.seen}))
    assert len(team.seen) == 5


def test_a_sender_killed_before_its_record_sends_again_under_the_same_id(store: Store, plugins: Plugins, team: Any) -> None:
    from headrace.notify import outbox

    (id_,) = post(store, "ml-team")
    claimed = outbox._claim(store, id_, WALL)
    assert claimed is not None  # … and here it is killed
    early = notify.deliver(store, plugins, WEBHOOK, WALL + 60 * SECOND)
    late = notify.deliver(store, plugins, WEBHOOK, WALL + 600 * SECOND)
    assert (0, 1, id_) == (early, late, team.seen[0][0]["webhook-id"])


def test_a_failure_after_the_claim_ran_out_changes_nothing(store: Store, plugins: Plugins, team: Any) -> None:
    from headrace.notify import outbox

    (id_,) = post(store, "ml-team")
    slow = outbox._claim(store, id_, WALL)
    assert slow is not None
    notify.deliver(store, plugins, WEBHOOK, WALL + 600 * SECOND)
    outbox._failed(store, slow, "too slow", WALL)
    outbox._delivered(store, slow, "twice", WALL)
    with store.read() as session:
        told = events.log(session, "employment", [EventKind.ALERT_DELIVERED])
    assert ("delivered", None, "HTTP 204", 1) == (row(store).status, row(store).last_error, row(store).receipt, len(told))


def test_the_log_channel_writes_one_line_a_message_below_the_root(store: Store, plugins: Plugins) -> None:
    ids = [post(store, "ml-log")[0] for _ in range(2)]
    notify.deliver(store, plugins, LOG, WALL)
    lines = (store.root / "notes" / "alerts.jsonl").read_text(encoding="utf-8").splitlines()
    assert sorted(ids) == sorted(json.loads(line)["id"] for line in lines)


def test_a_message_survives_its_json() -> None:
    assert MESSAGE == Message.from_json(json.loads(json.dumps(MESSAGE.to_json())))
