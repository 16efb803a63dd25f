"""Messages on their way: put beside the event that they tell of, sent until they are taken or given up."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

from pydantic import ValidationError
from sqlmodel import Session, col, select, update

from headrace.compiled import ChannelConfig
from headrace.diagnostics import Diagnostic, HeadraceError
from headrace.hooks import Message, Plugins, resolve
from headrace.hooks.limit import within
from headrace.secrets import Secrets
from headrace.store import Store, events
from headrace.store.columns import new_id
from headrace.store.kinds import EventKind, OutboxStatus
from headrace.store.tables import Outbox

ATTEMPTS = 8
"""After so many failures a message is dead."""
_FIRST_PAUSE = timedelta(seconds=5)
_LONGEST_PAUSE = timedelta(hours=1)
_CLAIM = timedelta(minutes=5)  # a sender that dies in between loses its claim after this, and the message is sent again
_LONGEST_ERROR = 500


def put(session: Session, message: Message, channels: Iterable[str], wall: datetime) -> list[str]:
    """One row a channel, in the transaction of what the message tells; the ids of the rows are the ids of the messages."""
    ids = []
    for channel in channels:
        id_ = new_id()
        session.add(Outbox(id=id_, channel=channel, message=replace(message, id=id_).to_json(), next_at=wall, created_at=wall))
        ids.append(id_)
    session.flush()
    return ids


def deliver(store: Store, plugins: Plugins, channels: Mapping[str, ChannelConfig], wall: datetime) -> int:
    """Send what is due by `wall`, a moment of the wall's time; how many were taken.

    `channels` are by name, with secrets as references; files are relative to the store's root. A failure is kept with its
    row and tried again after 5 s, 10 s, 20 s … 1 h; after 8 attempts the row is dead. A message is sent outside of any
    transaction and under a claim: two that deliver at once do not send it twice, and only a sender killed between
    the answer and its record sends again (the same `id`, by which receivers tell).
    """
    delivered = 0
    for id_ in _due(store, wall):
        row = _claim(store, id_, wall)
        if row is None:
            continue
        secrets = Secrets(store.root)
        try:
            receipt = _send(plugins, channels, row, secrets, store.root)
        except Exception as error:  # noqa: BLE001 - a channel may raise anything; it is kept with the message
            _failed(store, row, secrets.redact(_say(error))[:_LONGEST_ERROR], wall)
        else:
            _delivered(store, row, secrets.redact(receipt), store.clock.now())
            delivered += 1
    return delivered


def _due(store: Store, wall: datetime) -> list[str]:

    query = select(Outbox.id).where(Outbox.status == OutboxStatus.PENDING, col(Outbox.next_at) <= wall)
    with store.read() as session:
        return list(session.exec(query.order_by(col(Outbox.created_at), col(Outbox.id))))


def _claim(store: Store, id_: str, wall: datetime) -> Outbox | None:
    """The row, kept from others until the claim runs out; None when another has it."""
    free = (col(Outbox.id) == id_, col(Outbox.status) == OutboxStatus.PENDING, col(Outbox.next_at) <= wall)
    with store.transaction("service:notify", "claim", f"message/{id_}") as session:
        taken = session.exec(update(Outbox).where(*free).values(next_at=wall + _CLAIM, attempts=Outbox.attempts + 1))
        if not taken.rowcount:
            return None
        row = session.get_one(Outbox, id_, populate_existing=True)
        session.expunge(row)
        return row


def _send(plugins: Plugins, channels: Mapping[str, ChannelConfig], row: Outbox, secrets: Secrets, root: Path) -> str:
    if row.channel not in channels:
        raise HeadraceError(Diagnostic("unknown-channel", f"channel/{row.channel} is not declared any more"))
    channel = channels[row.channel]
    if channel.type not in plugins.channels:
        raise HeadraceError(Diagnostic("unknown-channel", f"no plugin offers channels of the type `{channel.type}`"))
    offered = plugins.channels[channel.type]
    params = resolve(offered.params).model_validate(secrets.resolve(channel.params), context={"root": root})
    return str(within(offered.seconds, resolve(offered.send), params, Message.from_json(row.message)))


def _say(error: Exception) -> str:
    """One line that names what went wrong; pydantic's own text would repeat the input, which may be a secret."""
    if isinstance(error, HeadraceError):
        return "; ".join(item.message for item in error.report)
    if isinstance(error, ValidationError):
        faults = error.errors(include_input=False, include_url=False, include_context=False)
        return "; ".join(f"`{'.'.join(map(str, fault['loc']))}`: {fault['msg']}" for fault in faults)
    return f"{error}" if type(error).__module__.startswith("headrace.") and str(error) else f"{type(error).__name__}: {error}"


def _failed(store: Store, claimed: Outbox, error: str, wall: datetime) -> None:

    with store.transaction("service:notify", "delivery failed", f"channel/{claimed.channel}") as session:
        row = session.get_one(Outbox, claimed.id)
        if row.status is not OutboxStatus.PENDING or row.attempts != claimed.attempts:
            return  # the claim ran out meanwhile, and another went on with it
        row.last_error = error
        if row.attempts >= ATTEMPTS:
            row.status = OutboxStatus.DEAD
        else:
            row.next_at = wall + min(_FIRST_PAUSE * 2 ** (row.attempts - 1), _LONGEST_PAUSE)
        session.add(row)


def _delivered(store: Store, claimed: Outbox, receipt: str, now: datetime) -> None:

    with store.transaction("service:notify", "delivered", f"channel/{claimed.channel}") as session:
        row = session.get_one(Outbox, claimed.id)
        if row.status is OutboxStatus.DELIVERED:
            return
        row.status, row.receipt, row.last_error = OutboxStatus.DELIVERED, receipt, None
        session.add(row)
        told = row.message
        events.append(
            session,
            model=told["model"],
            kind=EventKind.ALERT_DELIVERED,
            payload={
                "message": row.id,
                "alert": told["alert"],
                "status": told["status"],
                "fingerprint": told["fingerprint"],
                "channel": row.channel,
                "attempts": row.attempts,
                "receipt": receipt,
            },
            at=now,
        )
