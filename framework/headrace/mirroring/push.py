"""From here to a tracking server: what is there already is left alone, so that a push that was stopped goes on with the next one."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from headrace.hooks import Sent, Skipped, Tracker, resolve
from headrace.mirroring.asked import asked
from headrace.mirroring.outgoing import outgoing
from headrace.store import Store, lock


@dataclass(frozen=True, slots=True)
class Pushed:
    """What came of a push: what is new or another there, how many were there already, and what was passed over."""

    sent: tuple[Sent, ...]
    unchanged: int
    skipped: tuple[Skipped, ...] = field(default=())


def push(store: Store, tracker: Tracker, params: Mapping[str, Any], actor: str, tell: Callable[[int, int], None]) -> Pushed:
    """Mirror all runs, versions and aliases; `tell(done, total)` after each.

    HeadraceError: `mirror-failed` where the server does not do its part, `locked` where another process mirrors, those of `asked`.
    """
    ready = asked(tracker, params, store.root)
    sent: list[Sent] = []
    skipped: list[Skipped] = []
    unchanged = 0
    # Two at once would both find a run missing, and make it twice.
    with lock.hold(store, "mirror", actor) as held:
        everything = outgoing(store)
        with ready.faults():
            for done, item in enumerate(resolve(tracker.push)(everything, ready.params), start=1):
                held.check()
                match item:
                    case Skipped():
                        skipped.append(item)
                    case Sent(outcome="unchanged"):
                        unchanged += 1
                    case Sent():
                        sent.append(item)
                    case _:
                        raise TypeError(f"`push` gave {type(item).__name__}, and neither Sent nor Skipped")
                tell(done, everything.total)
    return Pushed(tuple(sent), unchanged, tuple(skipped))
