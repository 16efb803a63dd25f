"""One key or value as a reader of broken text understands it."""

from __future__ import annotations

from dataclasses import dataclass, replace

from headrace.address import Path


@dataclass(frozen=True, slots=True)
class Said:
    """A key with its value, an item of a list, or a bare word; lines and columns count from 0, ends are exclusive."""

    path: Path
    line: int
    start: int
    end: int
    """Where the key ends; an item has none, and ends where it begins."""
    is_key: bool = False
    value: str | None = None
    value_line: int = 0
    value_start: int = 0
    value_end: int = 0
    marked: bool = False
    """Whether the cursor is in it."""
    in_value: bool = False
    """Whether the cursor is in its value."""
    bare: bool = False
    """Whether it is a word without a colon: a key that is being typed."""
    flow: bool = False
    """Whether it stands within `{}` or `[]`."""

    def with_value(self, text: str, line: int, start: int, end: int) -> Said:
        """With what stands behind the colon; nothing there is no value."""
        marked = MARK in text
        clean = text.replace(MARK, "")
        value = clean if clean or not marked else None
        return replace(
            self,
            value=value if value != "" or end > start else None,
            value_line=line,
            value_start=start,
            value_end=end - marked,
            marked=self.marked or marked,
            in_value=marked,
        )


MARK = "\ue000"
"""Stands in a text where the cursor is: a character for private use, that no spec needs."""
