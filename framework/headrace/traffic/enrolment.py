"""Who takes part in an experiment, and as which arm: a holdout first, then the layer's slots or the coverage, then the arms.

Each question has a hash of its own over the unit, so that no answer foretells another. The holdout's is one for all models of a store:
whom one experiment holds out, another with the same holdout or a larger one does too. A layer's is one for all its models, and each
experiment has slots of it: stretches of [0, 1) that no other running one of the layer has. They are given when the experiment begins
and kept as long as it runs, so that a model that joins the layer, leaves it, or is renamed moves nobody. A raised coverage adds to them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import lru_cache
from hashlib import blake2b
from typing import TYPE_CHECKING, Any

from headrace.traffic.assignment import assign_all, assigning

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

OUTSIDE = "outside"
"""The arm of those who take no part: the champion answers them, and they count in no judgement."""

Slot = tuple[float, float]
"""From (included) and to (excluded), in [0, 1]."""
Weighed = Sequence[tuple[str, float]]

_WHOLE = 2**64
_HAIR = 1e-9
_number = int.from_bytes


@dataclass(frozen=True, slots=True)
class Among:
    """Whom the arms are dealt to; shares in [0, 1]. In a layer the slots say it, and together they are as wide as the coverage."""

    experiment: str
    coverage: float = 1.0
    layer: str | None = None
    slots: tuple[Slot, ...] = ()
    holdout: float = 0.0

    def to_json(self) -> dict[str, Any]:
        """As the store keeps it beside the weights."""
        return asdict(self) | {"slots": [list(slot) for slot in self.slots]}


def among(told: Mapping[str, Any]) -> Among:
    """What `to_json` wrote."""
    slots = tuple((float(low), float(high)) for low, high in told["slots"])
    return Among(told["experiment"], told["coverage"], told["layer"], slots, told["holdout"])


def enrolling(salt: str, weights: Weighed, who: Among | None) -> Callable[[str], str]:
    """By a unit its arm, or `outside`; `salt` is the model's name. Where everyone takes part it is `assigning` itself."""
    if who is None:
        return assigning(salt, weights)
    return _begun(salt, tuple(weights), who)


@lru_cache(maxsize=64)
def _begun(salt: str, weights: tuple[tuple[str, float], ...], who: Among) -> Callable[[str], str]:
    arm, tests = assigning(salt, weights), _tests(salt, who)

    def chosen(unit: str) -> str:
        told = unit.encode()
        for begun, inside in tests:
            whole = begun.copy()
            whole.update(told)
            at = _number(whole.digest(), "big")
            for low, high in inside:
                if low <= at < high:
                    break
            else:
                return OUTSIDE
        return arm(unit)

    return chosen


def enrol_all(salt: str, units: Sequence[str], weights: Weighed, who: Among | None) -> dict[str, NDArray[np.int64]]:
    """By arm the positions of its units, ascending: each unit's arm is what `enrolling` says."""
    if who is None:
        return assign_all(salt, units, weights)
    import numpy as np

    part = np.ones(len(units), dtype=bool)
    for begun, inside in _tests(salt, who):
        at = np.array([_at(begun, unit) for unit in units], dtype=np.uint64)
        # A bound of 2**64 is no number of 64 bits: the last one that is inside is.
        part &= np.logical_or.reduce([(at >= np.uint64(low)) & (at <= np.uint64(high - 1)) for low, high in inside], initial=False)
    inner = np.flatnonzero(part)
    found = {OUTSIDE: np.flatnonzero(~part)}
    for arm, rows in assign_all(salt, [units[i] for i in inner.tolist()], weights).items():
        found[arm] = inner[rows]
    return found


def slots(taken: Sequence[Slot], width: float, own: Sequence[Slot] = ()) -> tuple[Slot, ...] | None:
    """The stretches of an experiment that is to cover `width`: its own, and the lowest that nobody has; None where they do not suffice.

    It loses none of its own: `width` is never less than they are. Neighbouring stretches are told as one.
    """
    found, lacking = list(own), width - sum(high - low for low, high in own)
    for low, high in _free((*taken, *own)):
        if lacking <= _HAIR:
            break
        # The end of a gap is taken as it is: what is computed may miss it by a bit, and leave a unit to nobody.
        end = high if high - low <= lacking + _HAIR else low + lacking
        found.append((low, end))
        lacking -= end - low
    return tuple(_joined(found)) if lacking <= _HAIR else None


def _free(taken: Sequence[Slot]) -> list[Slot]:
    gaps, at = [], 0.0
    for low, high in sorted(taken):
        if low - at > _HAIR:
            gaps.append((at, low))
        at = max(at, high)
    return [*gaps, (at, 1.0)] if 1.0 - at > _HAIR else gaps


def _joined(found: Sequence[Slot]) -> list[Slot]:
    joined: list[Slot] = []
    for low, high in sorted(found):
        if joined and joined[-1][1] == low:
            joined[-1] = (joined[-1][0], high)
        else:
            joined.append((low, high))
    return joined


_Test = tuple[blake2b, tuple[tuple[int, int], ...]]
"""A hash of what all units have in common, and where a unit's own must lie."""


def _tests(salt: str, who: Among) -> tuple[_Test, ...]:
    """The questions that not everyone passes; no model and no layer has an empty name, so no two questions share a hash."""
    found: list[tuple[str, Sequence[Slot]]] = []
    if who.holdout > 0.0:
        found.append(("|holdout|", ((who.holdout, 1.0),)))
    if who.layer is not None:
        found.append((f"|layer|{who.layer}|", who.slots))
    elif who.coverage < 1.0:
        found.append((f"|coverage|{salt}|", ((0.0, who.coverage),)))
    return tuple((blake2b(said.encode(), digest_size=8), _bounds(inside)) for said, inside in found)


def _bounds(inside: Sequence[Slot]) -> tuple[tuple[int, int], ...]:
    found = ((int(low * _WHOLE), int(high * _WHOLE)) for low, high in inside)
    return tuple((low, high) for low, high in found if high > low)


def _at(begun: blake2b, unit: str) -> int:
    whole = begun.copy()
    whole.update(unit.encode())
    return _number(whole.digest(), "big")
