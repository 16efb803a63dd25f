"""What an entry of the log is: canonical JSON (RFC 8785), whose bytes are kept as they are."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any, NamedTuple

import rfc8785

__all__ = ["VERSION", "Said", "canonical", "split"]

VERSION = 1
_PLAIN = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"))
_KINDS = ("user", "service", "key", "token")


class Said(NamedTuple):
    """What is written down of one change; digests and the reason where they are given."""

    actor: str
    action: str
    subject: str
    at: datetime
    """The clock's time, which a replay drives."""
    recorded_at: datetime
    """The wall's."""
    reason: str | None = None
    before: str | None = None
    after: str | None = None

    def body(self, log: str, seq: int, id_: str) -> bytes:
        """The entry's bytes. ValueError where a text of it is none that JSON can hold."""
        actor_kind, named, _ = self.actor.partition(":")
        kind, name = split(self.subject)
        # In the order of RFC 8785, with texts and one small number alone: the plain encoder writes its bytes of it, and many times faster.
        told: dict[str, Any] = {
            "action": self.action,
            "actor": self.actor,
            "actor_kind": actor_kind if named and actor_kind in _KINDS else "other",
            "after": self.after,
            "at": _moment(self.at),
            "before": self.before,
            "id": id_,
            "log": log,
            "reason": self.reason,
            "recorded_at": _moment(self.recorded_at),
            "seq": seq,
            "subject": {"id": name, "kind": kind},
            "v": VERSION,
        }
        try:
            return _PLAIN.encode({key: value for key, value in told.items() if value is not None}).encode()
        except UnicodeEncodeError as error:
            raise _halved() from error


def canonical(value: Any) -> bytes:  # noqa: ANN401 - any JSON value
    """RFC 8785's bytes of a JSON value. ValueError where it has none: NaN, a number beyond 2^53, text with half a pair of surrogates."""
    try:
        made: bytes = rfc8785.dumps(value)
    except UnicodeEncodeError as error:
        raise _halved() from error
    return made


def split(subject: str) -> tuple[str, str]:
    """A subject as its kind and its name: `model/churn`, `run 4f0c`; what is of neither form is a kind alone."""
    at = min((found for mark in "/ " if (found := subject.find(mark)) >= 0), default=-1)
    return (subject, "") if at < 0 else (subject[:at], subject[at + 1 :])


def _moment(at: datetime) -> str:
    return at.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")


def _halved() -> ValueError:
    return ValueError("the text holds half a pair of surrogates")
