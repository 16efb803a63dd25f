"""References to secrets: `env:NAME` and `file:PATH`, replaced when something is sent and at no other time."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from headrace.diagnostics import Diagnostic, HeadraceError

_SCHEMES = ("env:", "file:")
_SHORTEST = 4  # blanking a shorter secret would blank words of the message


class Secrets:
    """Replaces references in a channel's params, and remembers the values so that they can be kept out of an error."""

    def __init__(self, root: Path, environment: Mapping[str, str] | None = None) -> None:
        self._root = root
        self._environment = os.environ if environment is None else environment
        self._values: dict[str, str] = {}

    def resolve(self, value: Any) -> Any:  # noqa: ANN401 - any JSON value
        """The same value with each reference replaced; HeadraceError `secret-missing` names one that leads nowhere."""
        if isinstance(value, Mapping):
            return {key: self.resolve(item) for key, item in value.items()}
        if isinstance(value, list | tuple):
            return [self.resolve(item) for item in value]
        if isinstance(value, str) and value.startswith(_SCHEMES):
            secret = self._read(value)
            self._values[secret] = value
            return secret
        return value

    def redact(self, text: str) -> str:
        """The text with each secret that was read replaced by its reference."""
        for secret, reference in sorted(self._values.items(), key=lambda item: -len(item[0])):
            if len(secret) >= _SHORTEST:
                text = text.replace(secret, f"<{reference}>")
        return text

    def _read(self, reference: str) -> str:
        scheme, _, name = reference.partition(":")
        if scheme == "env":
            if not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", name):
                raise _missing(f"`{reference}` names no variable", "write `env:NAME`")
            found = self._environment.get(name)
            if not found:
                raise _missing(f"the environment variable {name} is not set", f"export {name}=…")
            return found
        try:
            found = (self._root / name).read_text(encoding="utf-8").rstrip("\r\n")
        except (OSError, UnicodeDecodeError) as error:
            raise _missing(f"the file {name} cannot be read: {type(error).__name__}", f"write the secret to {name}") from None
        if not found:
            raise _missing(f"the file {name} is empty", f"write the secret to {name}")
        return found


def _missing(message: str, advice: str) -> HeadraceError:
    return HeadraceError(Diagnostic("secret-missing", message, help=advice))
