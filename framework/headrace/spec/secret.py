"""Which fields take a secret, and what a reference to one looks like."""

from __future__ import annotations

import re
from functools import cache
from typing import Any, Literal

from pydantic import BaseModel, SecretStr
from pydantic.fields import FieldInfo

from headrace.spec.place import bare, leading, members

SCHEMES = ("env:", "file:")
"""How a reference begins."""
REFERENCE = re.compile(r"env:[A-Za-z_][A-Za-z0-9_]*|file:(?!//)\S+")
"""A whole reference: the name of a variable of the shell, or a path from the project's folder; never a `file://` URL."""

Capable = Literal["may", "must"]
"""Whether a field may be a reference, or must be one."""


def capable(info: FieldInfo | None) -> Capable | None:
    """How a field takes secrets: as it was declared, or by pydantic's `SecretStr`, which must be a reference; None where it takes none."""
    if info is None:
        return None
    extra = info.json_schema_extra if isinstance(info.json_schema_extra, dict) else {}
    said: Any = extra.get("secret")
    if said is True or said == "must" or any(bare(member) is SecretStr for member in members(info.annotation)):
        return "must"
    return "may" if said == "may" else None


def anywhere(model: type[BaseModel]) -> bool:
    """Whether some field of a model, or of a model within it, takes a secret."""
    return bool(leading(model, capable))


@cache
def below(model: type[BaseModel]) -> frozenset[str]:
    """The keys of a model under which a secret may stand."""
    return frozenset(key for key, _, _ in leading(model, capable))
