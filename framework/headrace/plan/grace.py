"""What a plan says of models that left the files and still answer: for how long they go on, and what happens then."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from headrace.address import Address
from headrace.plan.change import Action, Change, Item
from headrace.plan.past import State
from headrace.spec import Effect

GRACE = timedelta(days=7)
"""How long a model with a champion goes on after it left the files, by the environment's clock."""
AT_ONCE = "`headrace apply --now` removes it at once"


@dataclass(frozen=True, slots=True)
class Leaving:
    """The models that left the files and go on as they were last applied."""

    models: Mapping[str, datetime | None] = field(default_factory=dict)
    """By address, since when; None from this plan on."""
    along: tuple[str, ...] = ()
    """What left the files with them, and stays as long as they read it."""
    blocked: Mapping[str, str] = field(default_factory=dict)
    """Those that cannot go on beside the rest, and why."""


def over(since: datetime, now: datetime) -> bool:
    """Whether a grace has ended."""
    return now >= since + GRACE


def items(leaving: Leaving, likely: Mapping[str, str]) -> Iterator[Item]:
    """One item a model that begins to retire, or cannot; `likely` says what a model may have been renamed to."""
    for name in sorted({*(name for name, since in leaving.models.items() if since is None), *leaving.blocked}):
        notes = [renamed(name, likely[name])] if name in likely else []
        if name not in leaving.blocked:
            notes.append(f"until then it goes on as it is, watched and trained; put back into the files, it stays; {AT_ONCE}")
            if leaving.along:
                notes.append(f"{', '.join(leaving.along)} {'stays' if len(leaving.along) == 1 else 'stay'} as long, since it is read")
        yield Item(Action.RETIRE, name, notes=tuple(notes), blocked=leaving.blocked.get(name))


def note(name: str, since: datetime) -> str:
    """What to say of a model that retires."""
    return f"{name} left the files and goes on until {since + GRACE:%Y-%m-%d %H:%M} UTC; an apply after that removes it, and {AT_ONCE}"


def notes(leaving: Leaving) -> Iterator[str]:
    """One note a model that retires already."""
    yield from (note(name, since) for name, since in sorted(leaving.models.items()) if since is not None)


def back(changed: Mapping[str, Item], past: State, said: Collection[Address], leaving: Leaving) -> dict[str, Item]:
    """The changes of models that were retiring and are in the files again, with what else changed of them."""
    found = {}
    for name in sorted({str(address) for address in said} & set(past.resources) - set(leaving.models)):
        since = past.resources[name].retiring
        if since is not None:
            stays = Change(
                "retires", f"{since + GRACE:%Y-%m-%d %H:%M} UTC", None, Effect.METADATA, note="it is in the files again, and stays"
            )
            before = changed.get(name, Item(Action.CHANGE, name))
            effects = tuple(sorted({*before.effects, Effect.METADATA}, reverse=True))
            found[name] = replace(before, effects=effects, changes=(*before.changes, stays))
    return found


def renamed(name: str, likely: str) -> str:
    """The question whether a model that left is the one that came."""
    return f"was it renamed? `moved: [{{from: {name}, to: {likely}}}]` in the project's document lets {likely} keep its history"
