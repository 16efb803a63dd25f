"""Proofs from a tree whose hashes are kept in tiles: of one entry in it, and of an earlier tree at its beginning (RFC 6962, 2.1)."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from headrace.audit.verify import EMPTY, HEIGHT, node_hash

__all__ = ["Tree"]

Tiles = Callable[[int, int], Sequence[bytes]]
"""The hashes of a tile, by its level and its number: of level 0, leaves `256·n` and on; of level 1, roots of 256 leaves each; and so on."""


class Tree:
    """The tree over the first `size` leaves; each tile is asked for once."""

    def __init__(self, size: int, tiles: Tiles) -> None:
        self.size = size
        self._tiles = tiles
        self._seen: dict[tuple[int, int], Sequence[bytes]] = {}

    def root(self, size: int | None = None) -> bytes:
        """The root over the first `size` leaves; over all, where it is not given."""
        size = self._bounded(self.size if size is None else size)
        return self._over(0, size) if size else EMPTY

    def inclusion(self, index: int, size: int | None = None) -> list[bytes]:
        """The path from a leaf to the root over `size` leaves. ValueError where the tree has no such leaf."""
        size = self._bounded(self.size if size is None else size)
        if not 0 <= index < size:
            raise ValueError(f"a tree of {size} leaves has no leaf {index}")
        path: list[bytes] = []
        low, high = 0, size
        while high - low > 1:
            middle = low + _left(high - low)
            if index < middle:
                path.append(self._over(middle, high))
                high = middle
            else:
                path.append(self._over(low, middle))
                low = middle
        return path[::-1]

    def consistency(self, old: int, size: int | None = None) -> list[bytes]:
        """What shows that the first `old` leaves of `size` are those of the tree of `old`. ValueError where `old` is none of its sizes."""
        size = self._bounded(self.size if size is None else size)
        if not 0 < old <= size:
            raise ValueError(f"a tree of {size} leaves never had {old}")
        path: list[bytes] = []
        low, high, whole = 0, size, True
        while old != high:
            middle = low + _left(high - low)
            if old <= middle:
                path.append(self._over(middle, high))
                high = middle
            else:
                path.append(self._over(low, middle))
                low, whole = middle, False
        if not whole:
            path.append(self._over(low, high))
        return path[::-1]

    def _bounded(self, size: int) -> int:
        if not 0 <= size <= self.size:
            raise ValueError(f"the tree has {self.size} leaves, not {size}")
        return size

    def _over(self, low: int, high: int) -> bytes:
        """The root over some leaves side by side, as a split of the tree gives them."""
        count = high - low
        if count & (count - 1):
            middle = low + _left(count)
            return node_hash(self._over(low, middle), self._over(middle, high))
        return self._perfect(low, count)

    def _perfect(self, low: int, count: int) -> bytes:
        level, within = divmod(count.bit_length() - 1, HEIGHT)
        first = low >> level * HEIGHT
        tile = self._tile(level, first >> HEIGHT)
        start = first & (1 << HEIGHT) - 1
        hashes = list(tile[start : start + (1 << within)])
        if len(hashes) != 1 << within:
            raise ValueError(f"the tree lacks hashes of level {level * HEIGHT} from {first} on")
        while len(hashes) > 1:
            hashes = [node_hash(left, right) for left, right in zip(hashes[::2], hashes[1::2], strict=True)]
        return hashes[0]

    def _tile(self, level: int, number: int) -> Sequence[bytes]:
        if (level, number) not in self._seen:
            self._seen[level, number] = self._tiles(level, number)
        return self._seen[level, number]


def _left(count: int) -> int:
    """How many of `count` leaves, which are 2 or more, are on the left: the largest power of two below it."""
    return 1 << (count - 1).bit_length() - 1
