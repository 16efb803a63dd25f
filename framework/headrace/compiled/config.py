"""What every compiled config is: frozen, and whole; a key that a newer compiler added is passed over."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, JsonValue


class Config(BaseModel):
    """A part of a compiled file. Every key is printed, so every key must be there."""

    model_config = ConfigDict(frozen=True, allow_inf_nan=False, validate_by_name=True, validate_by_alias=True)

    def to_json(self) -> dict[str, JsonValue]:
        """The value as the file holds it."""
        return self.model_dump(mode="json", by_alias=True)
