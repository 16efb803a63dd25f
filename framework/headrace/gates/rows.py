"""Which held-out rows a gate is about: the groups of an input or of several, and the rows for which a condition holds."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from headrace.gates.facts import Absent, Facts
from headrace.gates.unjudgeable import Unjudgeable
from headrace.gates.values import By
from headrace.spec import expression

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

BETWEEN = " & "
"""Between the values of a combination."""


def named(by: By) -> tuple[str, ...]:
    """The inputs that are meant."""
    return () if by is None else (by,) if isinstance(by, str) else tuple(by)


def title(by: By) -> str:
    """As a reason calls them."""
    return BETWEEN.join(named(by))


def grouped(facts: Facts, by: By) -> NDArray[np.object_]:
    """Each row's group as text, (n,): a value of the input, or of several a combination. Unjudgeable where one is no input."""
    if not named(by):
        raise Unjudgeable("`by` names no groups")
    for name in named(by):
        if name not in facts.groups:
            raise Unjudgeable(f"there are no groups: `{name}` is no input of the model")
    found = [facts.groups[name] for name in named(by)]
    if len(found) == 1:
        return found[0]
    # A value that holds the separator itself is told apart from two values.
    parts = [_each(column, lambda text: text.replace("&", "&&")) for column in found]
    told = parts[0]
    for part in parts[1:]:
        told = told + BETWEEN + part
    return told


def label(by: By, group: str) -> str:
    """A group with its inputs' names: `sex=1`, `sex=1 & race=3`."""
    names = named(by)
    values = group.split(BETWEEN) if len(names) > 1 else [group]
    return BETWEEN.join(f"{name}={value}" for name, value in zip(names, values, strict=True)) if len(values) == len(names) else group


def sizes(groups: NDArray[np.object_]) -> list[tuple[str, int]]:
    """Each group and how many rows it has, in the order of their names."""
    import numpy as np

    names, counts = np.unique(groups.astype(str), return_counts=True)
    return list(zip(names.tolist(), counts.tolist(), strict=True))


def where(facts: Facts, condition: str) -> NDArray[np.bool_]:
    """The rows for which a condition holds, (n,); one that decides by a missing value does not hold."""
    import numpy as np

    if facts.rows is None:
        raise Unjudgeable("the held-out rows were not kept")
    try:
        parsed = expression.parse(condition, texts=True)
    except expression.ExpressionError as error:
        raise Unjudgeable(f"`{condition}` is no condition: {error}") from None
    texts = {leaf.name for leaf in parsed.leaves() if isinstance(leaf, expression.Same)}
    columns: dict[str, Sequence[Any]] = {}
    for name in sorted(parsed.names()):
        if name not in facts.rows.columns:
            raise Unjudgeable(f"`{name}` of `{condition}` is no input of the model")
        column, missing = facts.rows[name], facts.rows[name].isna()
        columns[name] = [None if gone else str(value) if name in texts else value for value, gone in zip(column, missing, strict=True)]
    holds = [parsed.evaluate(dict(zip(columns, values, strict=True))) is True for values in zip(*columns.values(), strict=True)]
    return np.array(holds, dtype=bool)


def part(facts: Facts, chosen: NDArray[np.bool_]) -> Facts:
    """The facts about some of the rows alone."""
    return replace(
        facts,
        target=facts.target[chosen],
        predictions=facts.predictions if isinstance(facts.predictions, Absent) else facts.predictions[chosen],
        groups={name: column[chosen] for name, column in facts.groups.items()},
        others={who: given if isinstance(given, Absent) else given[chosen] for who, given in facts.others.items()},
        rows=None if facts.rows is None else facts.rows[chosen],
        group=None if facts.group is None else facts.group[chosen],
    )


def _each(column: NDArray[np.object_], change: Any) -> NDArray[np.object_]:  # noqa: ANN401 - text to text
    import numpy as np

    names, codes = np.unique(column.astype(str), return_inverse=True)
    return np.array([change(name) for name in names.tolist()], dtype=object)[codes]
