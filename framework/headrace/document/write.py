"""Plain values to YAML text that `parse` reads back as the same values."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import yaml

from headrace.document.scalar import FLOAT, INT, NULL
from headrace.document.text import REFUSED


class _Dumper(yaml.SafeDumper):
    """With the language's own table: `1e-3` as text gets quotes, since unquoted it would be a number."""

    yaml_implicit_resolvers: dict[str, Any] = {}  # noqa: RUF012 - PyYAML's own way to say it

    def ignore_aliases(self, data: Any) -> bool:  # noqa: ANN401, ARG002
        return True

    def increase_indent(self, flow: bool = False, indentless: bool = False) -> None:  # noqa: ARG002, FBT001, FBT002 - PyYAML's
        super().increase_indent(flow, False)


def _resolve(dumper: yaml.SafeDumper, data: str) -> yaml.ScalarNode:
    special = (
        data in NULL
        or data in ("true", "false", "<<", "=")
        or data.count("(") != data.count(")")
        or REFUSED.search(data)
        or INT.fullmatch(data)
        or FLOAT.fullmatch(data)
    )
    return dumper.represent_scalar("tag:yaml.org,2002:str", data, style='"' if special else None)


def _float(dumper: yaml.SafeDumper, data: float) -> yaml.ScalarNode:
    return dumper.represent_scalar("tag:yaml.org,2002:float", repr(data).replace("inf", ".inf").replace("nan", ".nan"))


_Dumper.add_representer(str, _resolve)
_Dumper.add_representer(float, _float)
_Dumper.add_representer(tuple, lambda dumper, data: dumper.represent_list(list(data)))
for _tag, _first, _pattern in (
    ("null", [*"~n", ""], "~|null|"),
    ("bool", list("tf"), "true|false"),
    ("int", list("-+0123456789"), INT.pattern),
    ("float", list("-+.0123456789"), FLOAT.pattern),
):
    _Dumper.add_implicit_resolver(f"tag:yaml.org,2002:{_tag}", re.compile(f"^(?:{_pattern})$"), _first)


def write(value: Mapping[str, Any]) -> str:
    """YAML of mappings, lists, text, numbers (whole ones of 64 bits), booleans and None; innermost collections stand on one line."""
    return _dump(value, width=120, flow=None)


def write_flow(value: Mapping[str, Any]) -> str:
    """The same on one line."""
    return _dump(value, width=1 << 20, flow=True).strip()


def _dump(value: Mapping[str, Any], *, width: int, flow: bool | None) -> str:
    def dumped(*, unicode: bool) -> str:
        return yaml.dump(value, Dumper=_Dumper, sort_keys=False, allow_unicode=unicode, width=width, default_flow_style=flow)

    text = dumped(unicode=True)
    return text if REFUSED.search(text) is None else dumped(unicode=False)
