"""The keys that a document lacks, by their name and by the mapping that lacks them, so that many are no more work each than one."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from headrace.address import Path


class Missing:
    """Paths of keys that must be there and are not; those that follow from another fault are dropped."""

    def __init__(self, paths: Iterable[Path] = ()) -> None:
        self._left = dict.fromkeys(paths)
        self._names: dict[str | int, dict[Path, None]] = {}
        self._mappings: dict[Path, dict[Path, None]] = {}
        for path in self._left:
            self._names.setdefault(path[-1], {})[path] = None
            self._mappings.setdefault(path[:-1], {})[path] = None
        self._all = frozenset(self._names)

    def __iter__(self) -> Iterator[Path]:
        return iter(self._left)

    def drop(self, paths: Iterable[Path]) -> None:
        """Say no more of some paths; others than those that are missing are passed over."""
        for path in paths:
            if path in self._left:
                del self._left[path], self._names[path[-1]][path], self._mappings[path[:-1]][path]

    def ever(self, name: str) -> bool:
        """Whether a key of that name was missing anywhere, before any was dropped."""
        return name in self._all

    def once(self, name: str) -> Path | None:
        """Where a key of that name is missing, where that is exactly one place."""
        found = self._names.get(name, {})
        return next(iter(found)) if len(found) == 1 else None

    def of(self, mapping: Path) -> list[Path]:
        """What one mapping lacks."""
        return list(self._mappings.get(mapping, ()))

    def by_mapping(self) -> list[list[Path]]:
        """What each mapping lacks, in the order of the document."""
        return [list(found) for found in self._mappings.values() if found]
