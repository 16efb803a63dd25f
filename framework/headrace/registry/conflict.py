"""What a mover believes to be so: where it is otherwise, somebody else was faster, and nothing is moved."""

from __future__ import annotations

from enum import Enum
from typing import Literal

from headrace.diagnostics import Diagnostic, Exit, HeadraceError


class Believed(Enum):
    """A mover without a belief."""

    ANY = "any"


ANY = Believed.ANY
"""Whatever it is now."""
Any_ = Literal[Believed.ANY]


def refuse_other(what: str, expected: object, found: object) -> None:
    """HeadraceError `registry-conflict` (exit 4; 409 over HTTP) where what is found is not what was expected."""
    if expected is ANY or expected == found:
        return
    told = [f"`{item}`" if item is not None else "none" for item in (found, expected)]
    raise HeadraceError(
        Diagnostic(
            "registry-conflict",
            f"{what} is {told[0]}, not {told[1]} as was believed: somebody was faster, and nothing was changed",
            help="look at it again with `headrace models NAME`, and decide anew",
        ),
        Exit.REFUSED,
    )
