"""Runs beside one another: every key that any of them has, and how sure a difference is where they answered the same rows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from headrace.stats.multiplicity import holm
from headrace.store import Store
from headrace.tracking.found import Found
from headrace.tracking.tested import Metric, Paired, Shared, Untested, tested


class Missing:
    """What a run does not have, which None would say of a value that is null."""

    def __repr__(self) -> str:
        return "missing"


MISSING = Missing()


@dataclass(frozen=True, slots=True)
class Row:
    """One key, with the value of each run in their order; `same` where all have it and it is equal."""

    kind: str
    name: str
    values: tuple[Any, ...]

    @property
    def same(self) -> bool:
        """Whether the runs agree on it; NaN agrees with NaN."""
        return MISSING not in self.values and len({repr(item) for item in self.values}) == 1


@dataclass(frozen=True, slots=True)
class Comparison:
    """All that was compared: `shared` are the rows that were tested on, `untested` is what was not tested, and why."""

    runs: tuple[Found, ...]
    rows: tuple[Row, ...]
    paired: tuple[Paired, ...]
    shared: tuple[Shared, ...]
    untested: tuple[Untested, ...]


def compare(store: Store, runs: Sequence[Found], metrics: Mapping[str, Metric]) -> Comparison:
    """Every key that any run has, and the first run against each other one by these metrics, on the held-out rows that both answered.

    All that is tested here is one family: each `p_adjusted` is Holm's among them.
    """
    rows: list[Row] = []
    for kind in ("params", "metrics", "tags", "digests"):
        values = [_plain(kind, run) for run in runs]
        rows += [
            Row(kind, name, tuple(item.get(name, MISSING) for item in values)) for name in sorted({key for item in values for key in item})
        ]
    paired: list[Paired] = []
    shared: list[Shared] = []
    untested: list[Untested] = []
    for other in runs[1:]:
        for found in tested(store, runs[0], other, metrics):
            match found:
                case Paired():
                    paired.append(found)
                case Shared():
                    shared.append(found)
                case Untested():
                    untested.append(found)
    adjusted = holm([item.tested.p for item in paired])
    judged = tuple(replace(item, p_adjusted=p) for item, p in zip(paired, adjusted, strict=True))
    return Comparison(tuple(runs), tuple(rows), judged, tuple(shared), tuple(untested))


def _plain(kind: str, run: Found) -> dict[str, Any]:
    values: dict[str, Any] = getattr(run, kind)
    return {name: last.value for name, last in values.items()} if kind == "metrics" else values
