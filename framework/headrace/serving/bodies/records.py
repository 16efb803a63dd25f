"""Records read straight into columns, piece by piece, where nothing about them is unusual; of all else the models have the say."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from itertools import chain
from operator import itemgetter
from typing import TYPE_CHECKING, Any

import orjson

from headrace.compiled import InputConfig, ServingConfig
from headrace.serving.bodies.columns import Columns, quickly
from headrace.serving.once import once

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

PIECE = 64 * 1024
"""Bytes that are parsed at once: what they become stays near a core, and the interpreter's lock is not held for longer."""
_BEGIN = re.compile(rb'[ \t\r\n]*\{[ \t\r\n]*"rows"[ \t\r\n]*:[ \t\r\n]*\[')
_END = re.compile(rb"\][ \t\r\n]*\}[ \t\r\n]*\Z")
_TAIL = 64
_BETWEEN = re.compile(rb"\}[ \t\r\n]*,[ \t\r\n]*\{")
DEPTH = 3
"""Levels of a body that is read here: an object, its list, and the objects in it."""
_NUMBERS = {float, int, type(None)}


class Records:
    """Reads bodies of `rows` for one config."""

    def __init__(self, config: ServingConfig, read: Sequence[str] = (), breathe: Callable[[], object] = bool) -> None:
        """`read` are the inputs that need not be sent: where there are any, each row is looked at by itself. `breathe` lets others go
        first, between two pieces."""  # noqa: D205, D209 - two sentences
        self._breathe = breathe
        self._entity = config.entity
        self._inputs = config.inputs
        self._most = config.max_rows
        self._names = tuple(item.name for item in config.inputs)
        self._unit = None if config.unit == config.entity else config.unit_input
        self._numbers = tuple(item for item in config.inputs if item.type == "number")
        self._others = tuple(item for item in config.inputs if item.type != "number")
        self._simple = not read and config.group is None and len({*self._names, self._entity}) > len(self._names)

    def read(self, body: bytes) -> Columns | None:
        """The rows by column, with the values that the models give; None where they must say what the body is."""
        if not self._simple:
            return None
        try:
            parts = list(self._parts(body))
        except (orjson.JSONDecodeError, _Unusual):
            return None
        size = sum(len(part.entities) for part in parts)
        return self._whole(parts) if once(body, 1 + size * (len(self._names) + 1)) else None

    def _parts(self, body: bytes) -> Iterator[_Part]:
        size = 0
        for rows in _pieces(body):
            size += len(rows)
            if not 0 < size <= self._most:
                raise _Unusual
            yield self._part(rows)
            self._breathe()

    def _part(self, rows: list[Any]) -> _Part:
        import numpy as np

        columns = self._columns(rows)
        entities = quickly(None, columns[self._entity])
        others = {item.name: quickly(item, columns[item.name]) for item in self._others}
        if entities is None or None in others.values():
            raise _Unusual
        cells = [columns[item.name] for item in self._numbers]
        if not set(map(type, chain.from_iterable(cells))) <= _NUMBERS:
            raise _Unusual
        try:
            return _Part(entities, np.array(cells, dtype=np.float64).reshape(len(cells), len(rows)), others)
        except OverflowError:
            raise _Unusual from None

    def _columns(self, rows: list[Any]) -> dict[str, list[Any]]:
        """The cells of objects that have every field once and nothing else."""
        if set(map(type, rows)) != {dict}:
            raise _Unusual
        order = list(rows[0])
        width = len(order)
        if width != len(self._names) + 1 or self._entity not in rows[0] or not all(name in rows[0] for name in self._names):
            raise _Unusual
        if list(chain.from_iterable(rows)) == order * len(rows):
            cells = list(chain.from_iterable(map(dict.values, rows)))
        elif set(map(len, rows)) == {width}:
            try:
                cells = list(chain.from_iterable(map(itemgetter(*order), rows)))
            except KeyError:
                raise _Unusual from None
        else:
            raise _Unusual
        return {name: cells[at::width] for at, name in enumerate(order)}

    def _whole(self, parts: Sequence[_Part]) -> Columns | None:
        import numpy as np

        numbers = parts[0].numbers if len(parts) == 1 else np.concatenate([part.numbers for part in parts], axis=1)
        if not _bounded(self._numbers, numbers):
            return None
        values: dict[str, Any] = dict(zip((item.name for item in self._numbers), numbers, strict=True))
        for item in self._others:
            values[item.name] = list(chain.from_iterable(part.others[item.name] for part in parts))
        entities = list(chain.from_iterable(part.entities for part in parts))
        return Columns(entities, {name: values[name] for name in self._names}, self._names, unit=self._unit)


class _Unusual(Exception):  # noqa: N818 - no error: the models say what it is
    """Something that is not read here."""


class _Part:
    """The columns of one piece; numbers are (k, m), NaN where there is none."""

    __slots__ = ("entities", "numbers", "others")

    def __init__(self, entities: Sequence[str], numbers: NDArray[np.float64], others: dict[str, Sequence[str | None]]) -> None:
        self.entities, self.numbers, self.others = entities, numbers, others


def _pieces(body: bytes) -> Iterator[list[Any]]:
    """The rows of a body, some at a time.

    It is cut between what looks like two objects. A cut within a text leaves a quote open in the first piece, and one within a list or an
    object a bracket, so that where every piece is JSON by itself, all of them are what the whole is.
    """
    begin, end = _BEGIN.match(body), _END.search(body, max(0, len(body) - _TAIL))
    if len(body) < 2 * PIECE or begin is None or end is None:
        given = orjson.loads(body)
        if not isinstance(given, dict) or given.keys() != {"rows"} or not isinstance(given["rows"], list):
            raise _Unusual
        yield given["rows"]
        return
    at, last = begin.end(), end.start()
    while at < last:
        cut = _BETWEEN.search(body, at + PIECE, last)
        stop = last if cut is None else cut.start() + 1
        yield orjson.loads(b"[" + body[at:stop] + b"]")
        at = last if cut is None else cut.end() - 1


def _bounded(items: Sequence[InputConfig], numbers: NDArray[np.float64]) -> bool:
    """Whether all are finite and within the bounds of their inputs, (k, n); NaN compares to nothing."""
    import numpy as np

    lows = np.array([-np.inf if item.low is None else item.low for item in items]).reshape(-1, 1)
    highs = np.array([np.inf if item.high is None else item.high for item in items]).reshape(-1, 1)
    return not (np.isinf(numbers).any() or (numbers < lows).any() or (numbers > highs).any())
