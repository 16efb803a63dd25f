"""A channel that appends one JSON line a message to a file."""

from __future__ import annotations

import os
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, ValidationInfo, field_validator

from headrace.hooks import ChannelType, Message


class Params(BaseModel):
    """The parameters of `log`."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)
    path: str = Field(description="The file, relative to the project's folder.", min_length=1)

    @field_validator("path")
    @classmethod
    def _from_root(cls, value: str, info: ValidationInfo) -> str:
        root = (info.context or {}).get("root")
        return value if root is None else str(Path(root) / value)


def send(params: Params, message: Message) -> str:
    """Append the message; the receipt is the file and the line's end in it. OSError where it cannot be written."""
    import orjson

    path = Path(params.path)
    path.parent.mkdir(parents=True, exist_ok=True)
    line = orjson.dumps(message.to_json(), option=orjson.OPT_SORT_KEYS) + b"\n"
    # One write to a file opened for appending: lines of two processes never mix.
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
    try:
        os.write(descriptor, line)
        return f"{path.name}:{os.lseek(descriptor, 0, os.SEEK_CUR)}"
    finally:
        os.close(descriptor)


CHANNEL = ChannelType("log", f"{__name__}:Params", f"{__name__}:send")
