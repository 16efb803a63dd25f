"""How things are named: `model/employment`, and a path within one."""

from __future__ import annotations

import re
from typing import NamedTuple

NAME = re.compile(r"[a-z][a-z0-9]*(?:[-_][a-z0-9]+)*")
"""What a name looks like: lower case, digits, single dashes or underscores between them."""
VERSIONED = re.compile(rf"{NAME.pattern}(?:@[1-9][0-9]{{0,9}})?")
"""What a feature view is called: by its name, or as one version of it, `basket@3`."""


def form(kind: str | None) -> re.Pattern[str]:
    """What the names of a kind look like."""
    return VERSIONED if kind == "feature_view" else NAME


class Address(NamedTuple):
    """A kind and a name; prints as `kind/name`."""

    kind: str
    name: str

    def __str__(self) -> str:
        return f"{self.kind}/{self.name}"

    @classmethod
    def parse(cls, text: str, kind: str | None = None) -> Address:
        """Read `kind/name`, or a bare name where `kind` says what it must be.

        Raises ValueError when the text is neither, or names another kind.
        """
        head, slash, tail = text.partition("/")
        found, name = (head, tail) if slash else (kind, head)
        if found is None or not form(found).fullmatch(name) or (kind is not None and found != kind):
            wanted = f"`{kind}/NAME`" if kind else "`KIND/NAME`"
            raise ValueError(f"`{text}` is no address of the form {wanted}")
        return cls(found, name)


Path = tuple[str | int, ...]
"""A path within a document: keys, and positions in lists."""
