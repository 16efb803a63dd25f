"""Requests read into plain dicts: the same types as the models of the schema, without making an object of each row."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from typing import Annotated, Any, NotRequired

from pydantic import ConfigDict, Field, TypeAdapter, ValidationError
from typing_extensions import TypedDict

_STRICT = ConfigDict(extra="forbid", strict=True)


class Codec:
    """Bodies of one row and of many, as dicts in the order of `fields`; a field of `optional` that is not sent is not there.

    What is taken here, the models of the schema take, with the same values; what is not, they have the say of.
    """

    def __init__(self, fields: Mapping[str, Any], *, optional: Collection[str], most: int) -> None:
        held = {name: NotRequired[kind] if name in optional else kind for name, kind in fields.items()}
        row = TypedDict("row", held)  # type: ignore[misc]
        rows = TypedDict("rows", {"rows": Annotated[list[row], Field(min_length=1, max_length=most)]})  # noqa: UP013 - of what is made here
        row.__pydantic_config__ = rows.__pydantic_config__ = _STRICT  # type: ignore[attr-defined]
        self.validate: Callable[[bytes], dict[str, Any]] = TypeAdapter(row).validator.validate_json
        """One row; ValidationError where the model must say what it is."""
        self._rows = TypeAdapter(rows).validator

    def rows(self, body: bytes) -> list[dict[str, Any]] | None:
        """Many; None where the model must say what they are."""
        try:
            found: list[dict[str, Any]] = self._rows.validate_json(body)["rows"]
        except ValidationError:
            return None
        return found
