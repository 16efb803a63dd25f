"""What came of one check, and how it is told."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from headrace.compiled import CheckConfig
from headrace.spec.quantity import write_duration

HIDDEN = "(personal)"
"""Stands for a value of a column that is marked personal."""


@dataclass(frozen=True, slots=True)
class Checked:
    """What came of one check: how many of the source's `rows` break it, and some of them; `measured` where it bounds a number."""

    source: str
    id: str
    passed: bool
    mode: str
    broken: int
    rows: int
    said: str
    sample: tuple[dict[str, Any], ...] = ()
    measured: float | None = None
    unasked: bool = False
    """Whether it holds only because there was nothing to compare with, which `said` tells."""

    @property
    def told(self) -> str:
        """What there is to say of it: nothing, where it was asked and holds."""
        return self.said if self.unasked or not self.passed else ""


def tell(item: Checked) -> str:
    """One line: what does not hold, of how many rows, and some of them."""
    rows = "; ".join(", ".join(f"{column}={value}" for column, value in row.items()) for row in item.sample)
    return f"source/{item.source}, check `{item.id}`: {item.said}" + (f" (such as {rows})" if rows else "")


_SAID = {
    "rows": "there are {total:,} rows, and {low:,.0f} to {high:,.0f} are wanted",
    "missing": "{broken:,} of {total:,} rows have no `{column}`, and at most {high:.6g} of all may",
    "unique": "{broken:,} of {total:,} rows have the same {named} as another",
    "range": "in {broken:,} of {total:,} rows `{column}` is not between {low:g} and {high:g}",
    "values": "in {broken:,} of {total:,} rows `{column}` is none of {listed}",
    "pattern": "in {broken:,} of {total:,} rows `{column}` is not `{text}`",
    "holds": "{broken:,} of {total:,} rows break `{text}`",
    "reads_as": "in {broken:,} of {total:,} rows `{column}` cannot be read as {text}",
    "fresh_within": "the newest `{column}` that has passed is {age} old, and at most {span} is wanted",
    "ahead_at_most": "in {broken:,} of {total:,} rows `{column}` lies more than {span} in the future",
    "monotone": "in {broken:,} of {total:,} rows `{column}` is {against} than before, along {named}",
    "refers": "in {broken:,} of {total:,} rows `{column}` is no `{other_column}` of source/{other}",
    "like": "`{column}` is spread in another way than `{other_column}` of {reference}: {text} is {measured:.3g}, and at most {high:g} is"
    " wanted",
    "pandera": "{broken:,} of {total:,} rows break the schema `{text}`",
}
"""What does not hold, in words."""


def verdict(item: CheckConfig, total: int, broken: int, measured: float | None) -> tuple[bool, str]:
    """Whether a check holds, and in words what does not."""
    high = item.high or 0
    match item.says:
        case "rows":
            passed = (item.low or 0) <= total <= high
        case "missing":
            passed = broken <= high * total
        case "fresh_within" | "like":
            passed = measured is not None and measured <= high
        case _:
            passed = broken == 0
    if item.says == "fresh_within" and measured is None:
        return False, f"no row has a `{item.column}` that has passed"
    if item.says == "like" and measured is None:
        return False, f"`{item.column}` cannot be compared with `{item.other_column}` of {_reference(item)}: one of them has no value"
    told = item.model_dump() | {"total": total, "broken": broken, "measured": measured, "listed": ", ".join(item.values)}
    told |= {"reference": _reference(item)}
    told |= {"named": ", ".join(f"`{column}`" for column in item.columns), "against": "less" if item.text == "rising" else "more"}
    if item.says in ("fresh_within", "ahead_at_most"):
        told |= {"span": _span(high), "age": _span(measured or 0)}
    return passed, _SAID[item.says].format(**told)


def _reference(item: CheckConfig) -> str:
    other = item.other or ""
    return f"the rows that {other} was trained with" if "/" in other else f"source/{other}"


def _span(seconds: float) -> str:
    """A length of time as the language writes it, to the greatest unit that says enough."""
    unit = next((size for size, least in ((86400, 3 * 86400), (3600, 3600), (60, 60)) if seconds >= least), 1)
    return write_duration(timedelta(seconds=round(seconds / unit) * unit)) if seconds else "0s"
