"""The part `journal` of `flows/NAME.serving.json`: what one server's journal promises, and where it goes. Keys are references."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from headrace.compiled.config import Config


class JournalLogConfig(Config):
    """A sample of the predictions as JSON lines; `file` None is standard output."""

    share: float = Field(gt=0, le=1)
    file: str | None


class JournalConfig(Config):
    """All of it; what stands here as defaults is what a file from before there was this part means."""

    durability: Literal["process", "strict"] = "process"
    bytes: int = Field(default=4 * 1024**3, gt=0)
    full: Literal["refuse", "drop"] = "refuse"
    personal: dict[str, Literal["hash", "drop", "encrypt"]] = Field(default={})
    hash_key: str | None = None
    encryption_keys: tuple[tuple[str, str], ...] = ()
    """Ids and references; the first encrypts."""
    parquet: str | None = None
    log: JournalLogConfig | None = None
