"""Versions by Semantic Versioning 2.0.0: its whole grammar, its precedence, and the same precedence as a text that a database sorts by."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import total_ordering

from headrace.diagnostics import Diagnostic, Exit, HeadraceError

LONGEST = 255
"""Characters of the longest; the standard says nothing, and databases and keys have bounds."""

_NUMBER = r"0|[1-9][0-9]*"
_PART = rf"(?:{_NUMBER}|[0-9]*[a-zA-Z-][0-9a-zA-Z-]*)"
# The expression that the standard itself gives (semver.org, its FAQ).
_SEMVER = re.compile(
    rf"({_NUMBER})\.({_NUMBER})\.({_NUMBER})(?:-({_PART}(?:\.{_PART})*))?(?:\+([0-9a-zA-Z-]+(?:\.[0-9a-zA-Z-]+)*))?", re.ASCII
)


@total_ordering
@dataclass(frozen=True, slots=True, eq=False)
class SemVer:
    """One version. Equal and ordered by precedence, so that build metadata does not count: `1.0.0+a == 1.0.0+b`."""

    core: tuple[int, int, int]
    prerelease: tuple[str, ...] = ()
    build: tuple[str, ...] = ()

    @classmethod
    def parse(cls, text: str) -> SemVer:
        """HeadraceError `bad-semver` where the text is none."""
        found = _SEMVER.fullmatch(text) if len(text) <= LONGEST else None
        if found is None:
            raise HeadraceError(
                Diagnostic("bad-semver", f"`{text[:80]}` is no semantic version", help="such as 1.4.0 or 2.0.0-rc.1"), Exit.USAGE
            )
        major, minor, patch, prerelease, build = found.groups()
        return cls((int(major), int(minor), int(patch)), _parts(prerelease), _parts(build))

    @property
    def precedence(self) -> str:
        """A text that sorts by its code points as versions do by precedence, and is equal where they are.

        A number goes behind the count of its digits; what has no pre-release sorts behind all that have one; each part ends with a
        character that is below all that a part may hold.
        """
        core = "".join(_sortable(number) for number in map(str, self.core))
        if not self.prerelease:
            return f"{core}~"
        return f"{core}-" + "".join(f"0{_sortable(part)}!" if part.isdigit() else f"1{part}!" for part in self.prerelease)

    def __str__(self) -> str:
        core = ".".join(map(str, self.core))
        return core + ("-" + ".".join(self.prerelease) if self.prerelease else "") + ("+" + ".".join(self.build) if self.build else "")

    def __eq__(self, other: object) -> bool:
        return self.precedence == other.precedence if isinstance(other, SemVer) else NotImplemented

    def __lt__(self, other: SemVer) -> bool:
        return self.precedence < other.precedence

    def __hash__(self) -> int:
        return hash(self.precedence)


def _parts(text: str | None) -> tuple[str, ...]:
    return tuple(text.split(".")) if text is not None else ()


def _sortable(digits: str) -> str:
    return f"{len(digits):03}{digits}"
