"""Versions beside one another: all that their manifests say, section by section, and what of code and environment is another."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from headrace.diagnostics import HeadraceError
from headrace.registry.version import Version
from headrace.store import Store


class Section(StrEnum):
    """What a row is of."""

    PARAMS = "params"
    METRICS = "metrics"
    SIGNATURE = "signature"
    DATA = "data"
    SPEC = "spec"
    CODE = "code"
    ENVIRONMENT = "environment"


class Absent:
    """What a version does not have, which None would say of a value that is null."""

    def __repr__(self) -> str:
        return "absent"


ABSENT = Absent()


@dataclass(frozen=True, slots=True)
class Row:
    """One key with each version's value, in their order; `ABSENT` where a version has none."""

    section: Section
    name: str
    values: tuple[Any, ...]

    @property
    def same(self) -> bool:
        """Whether all have it, and it is equal; 1 and True are not."""
        return len({repr(item) for item in self.values}) == 1

    @property
    def change(self) -> float | None:
        """The last number less the first, where both are numbers."""
        first, last = self.values[0], self.values[-1]
        numbers = [item for item in (first, last) if isinstance(item, int | float) and not isinstance(item, bool)]
        return float(last) - float(first) if len(numbers) == len((first, last)) else None


@dataclass(frozen=True, slots=True)
class Difference:
    """All that was compared; `unread` are code and environments that could not be looked into, and why."""

    versions: tuple[Version, ...]
    rows: tuple[Row, ...]
    unread: tuple[str, ...]


_DATA = ("as_of", "rows", "sources", "target", "group")
_OUTSIDE = {"params", "metrics", "signature", "digests", "model", "number", "reference", "profile", "plugins", "machine", *_DATA}
"""What has a section of its own, or is each version's own name and bytes; all else is of the spec."""


def compare(store: Store, versions: Sequence[Version]) -> Difference:
    """Hold versions beside one another, of one model or of several: every key that any of them has.

    Code is told file by file and the environment package by package, as they were kept at the training; where such a list is lost or
    altered, its digest alone is compared, and `unread` says so.
    """
    unread: list[str] = []
    told = [
        {
            Section.PARAMS: dict(version.manifest.get("params", {})) | {"(algorithm)": version.algorithm, "(format)": version.format},
            Section.METRICS: dict(version.manifest.get("metrics", {})),
            Section.SIGNATURE: _signature(version.manifest),
            Section.DATA: _digest(version, "data") | _flat({key: version.manifest[key] for key in _DATA if key in version.manifest}),
            Section.SPEC: _digest(version, "spec") | _flat({k: v for k, v in version.manifest.items() if k not in _OUTSIDE}),
            Section.CODE: _digest(version, "code")
            | _lines(store, version, "code", _file, unread)
            | _flat({"plugins": version.manifest.get("plugins", {})}),
            Section.ENVIRONMENT: _digest(version, "environment")
            | _lines(store, version, "environment", _package, unread)
            | _flat({"machine": version.manifest.get("machine", {})}),
        }
        for version in versions
    ]
    rows = [
        Row(section, name, tuple(item[section].get(name, ABSENT) for item in told))
        for section in Section
        for name in sorted({key for item in told for key in item[section]})
    ]
    return Difference(tuple(versions), tuple(rows), tuple(dict.fromkeys(unread)))


def _digest(version: Version, part: str) -> dict[str, Any]:
    return {"(digest)": version.manifest["digests"][part]}


def _signature(manifest: Mapping[str, Any]) -> dict[str, Any]:
    """Each input in its place, with its type, its categories and its bounds."""
    found: dict[str, Any] = {}
    for place, item in enumerate(manifest.get("signature", ()), 1):
        told = {"place": place, **{key: value for key, value in item.items() if key != "name"}}
        found |= _flat(told, f"{item['name']}.")
    return found


def _flat(value: Mapping[str, Any], head: str = "") -> dict[str, Any]:
    """Nested keys joined by dots; a list is one value."""
    found: dict[str, Any] = {}
    for key, item in value.items():
        found |= _flat(item, f"{head}{key}.") if isinstance(item, Mapping) and item else {f"{head}{key}": item}
    return found


def _lines(store: Store, version: Version, part: str, split: Callable[[str], tuple[str, str]], unread: list[str]) -> dict[str, str]:
    try:
        data = store.blobs.get(version.manifest["digests"][part]).decode()
    except (HeadraceError, UnicodeDecodeError):
        unread.append(f"the {part} of {version} is not among the blobs as it was kept: only its digest is compared")
        return {}
    return dict(_split(data, split))


def _split(data: str, split: Callable[[str], tuple[str, str]]) -> Iterator[tuple[str, str]]:
    return (split(line) for line in data.splitlines() if line)


def _file(line: str) -> tuple[str, str]:
    name, _, digest = line.partition("\0")
    return name, digest


def _package(line: str) -> tuple[str, str]:
    name, _, number = line.partition("==")
    return name, number
