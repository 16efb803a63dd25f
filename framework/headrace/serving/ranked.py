"""The places of a batch's rows within their groups, where a model ranks: one version answers a group, or nobody ranks it."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from headrace.serving.schema import Row


def whole(rows: Sequence[Row], failed: Collection[int]) -> set[int]:
    """The rows that failed, and with each all rows of its group: scores of two versions do not compare."""
    torn = {rows[i].group for i in failed} - {None}
    return set(failed) | {i for i, row in enumerate(rows) if row.group in torn}


def places(rows: Sequence[Row], scores: Sequence[float | None], versions: Sequence[int]) -> list[int | None]:
    """Each row's place in its group, 1 for the highest score, equal scores in the order of the batch.

    None for all rows of a group in which one has no score, or which several versions answered.
    """
    groups: dict[str | None, list[int]] = {}
    for i, row in enumerate(rows):
        groups.setdefault(row.group, []).append(i)
    found: list[int | None] = [None] * len(rows)
    for members in groups.values():
        known = [(score, i) for i in members if (score := scores[i]) is not None]
        if len(known) < len(members) or len({versions[i] for i in members}) > 1:
            continue
        for place, (_, i) in enumerate(sorted(known, key=lambda item: (-item[0], item[1])), start=1):
            found[i] = place
    return found
