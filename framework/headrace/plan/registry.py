"""Where the registry is not as Headrace left it: an alias that the log of events does not know of, a version that is gone."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from headrace.plan.change import Action, AliasBack, Item
from headrace.plan.past import State


def items(state: State) -> tuple[tuple[Item, ...], tuple[AliasBack, ...]]:
    """One item a model whose aliases were moved by another hand, and what apply would put back.

    Every way through Headrace (a rollout, `headrace rollback`) writes an event, so it is no change from outside.
    """
    found, back = [], []
    for model in sorted(state.models):
        notes = []
        held, logged = state.aliases.get(model, {}), state.logged.get(model, {})
        for alias, note, mend in _differences(held, logged, state.numbers.get(model, frozenset())):
            notes.append(note)
            if mend:
                back.append(AliasBack(model, alias, logged.get(alias)))
        if notes:
            found.append(Item(Action.OUTSIDE, f"model/{model}", notes=tuple(notes)))
    return tuple(found), tuple(back)


def _differences(held: Mapping[str, int], logged: Mapping[str, int], numbers: frozenset[int]) -> Iterator[tuple[str, str, bool]]:
    for alias in sorted({*held, *logged}):
        now, said = held.get(alias), logged.get(alias)
        if said is not None and said not in numbers:
            yield (
                alias,
                f"version {said}, its {alias}, is gone from the registry: apply cannot bring it back",
                False,
            )
        elif now != said:
            was = "taken away" if now is None else f"moved to version {now}"
            to = "take it away" if said is None else f"put it back to version {said}"
            yield alias, f"alias {alias} was {was} in the registry: apply would {to}", True
