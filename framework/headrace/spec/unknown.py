"""What stands in a part of a document that could not be read: nobody can know, and whoever asks for it is told so."""

from __future__ import annotations

from typing import Any, NoReturn


class UnknownError(AttributeError):
    """A value was asked for that could not be read; what would follow from it is not said."""


class Unknown:
    """In the place of an item that could not be read. It is there, and nothing else is known of it: whatever is asked of it, raises."""

    __slots__ = ()

    def _asked(self, *_: object) -> NoReturn:
        raise UnknownError("a part of a document that could not be read")

    __eq__ = __ne__ = __lt__ = __le__ = __gt__ = __ge__ = __bool__ = __len__ = __iter__ = __contains__ = __getitem__ = _asked
    __hash__ = __str__ = __format__ = __float__ = __int__ = __getattr__ = _asked

    def __repr__(self) -> str:
        """As a debugger shows it."""
        return "UNKNOWN"


UNKNOWN: Any = Unknown()
"""The one of its kind. `getattr(spec, name, UNKNOWN)` reads a field that may be unknown without asking what it is."""
