"""A model card: one Markdown page that says what a version is, what it was made of and what it scores.

After Mitchell et al., "Model Cards for Model Reporting", FAT* 2019, as far as a registration knows it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, assert_never

from pydantic import BaseModel, ConfigDict, Field

from headrace.hooks import Answers, Export, Exporter, Input


class Params(BaseModel):
    """The parameters of `card`."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    categories: int = Field(default=12, ge=0, le=1000, description="How many categories of an input are listed.")


def export(version: Export, params: Params, folder: Path) -> None:
    """Write `MODEL_CARD.md`."""
    import orjson

    manifest = orjson.loads(version.manifest)
    (folder / "MODEL_CARD.md").write_text("\n".join(_lines(version, manifest, params)) + "\n", encoding="utf-8", newline="\n")


def _lines(version: Export, manifest: Mapping[str, Any], params: Params) -> Iterator[str]:
    yield f"# {_plain(version.model)}, version {version.number}\n"
    target = _plain(manifest.get("target", "?"))
    yield f"Made by `{version.algorithm}` on {version.created_at:%Y-%m-%d}; it answers `{target}` {_answer(manifest)}.\n"
    yield "| | |\n|---|---|"
    rows = manifest.get("rows") or {}
    facts = {
        "rows that it learned from": rows.get("train"),
        "held-out rows": rows.get("holdout"),
        "rows as of": manifest.get("as_of"),
        "seed": manifest.get("seed"),
        "format": version.format,
        "digest of the model": f"`{version.data_digest}`",
        "digest of the manifest": f"`{version.manifest_digest}`",
    }
    yield from (f"| {name} | {_plain(value)} |" for name, value in facts.items() if value is not None)
    measured = {name: value for name, value in (manifest.get("metrics") or {}).items() if value is not None}
    if measured:
        beside = (manifest.get("baseline") or {}).get("metrics") or {}
        yield "\n## On the held-out rows\n\n| metric | this version | the baseline |\n|---|---|---|"
        yield from (f"| {_plain(name)} | {value:.6g} | {_number(beside.get(name))} |" for name, value in sorted(measured.items()))
    yield "\n## Inputs\n\n| input | type | values | may be missing |\n|---|---|---|---|"
    for item in version.signature.inputs:
        yield f"| {_plain(item.name)} | {item.type} | {_plain(_values(item, params.categories))} | {'yes' if item.missing else 'no'} |"
    if manifest.get("params"):
        yield "\n## Parameters\n\n| parameter | value |\n|---|---|"
        yield from (f"| {_plain(name)} | {_plain(value)} |" for name, value in sorted(manifest["params"].items()))


def _answer(manifest: Mapping[str, Any]) -> str:
    """How it answers, by its task."""
    answers = Answers.of(manifest)
    named = _plain(", ".join(answers.keys))
    match answers.task:
        case "binary":
            return "as a probability"
        case "multiclass":
            return f"by one of {len(answers.classes)} classes, with a probability for each: {named}"
        case "regression":
            return "by a number"
        case "ranking":
            return f"by a score that orders the rows of one `{_plain(manifest.get('group', '?'))}`"
        case "quantile":
            return f"by a number at each level: {named}"
        case _:
            assert_never(answers.task)


def _values(item: Input, most: int) -> str:
    if item.type == "category":
        more = len(item.categories) - most
        return ", ".join(item.categories[:most]) + (f" and {more} more" if more > 0 else "")
    if item.type == "text":
        return "any text"
    bounds = [f"at least {item.low:g}" if item.low is not None else "", f"at most {item.high:g}" if item.high is not None else ""]
    return ", ".join(filter(None, bounds)) or "any number"


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:.6g}"


def _plain(value: object) -> str:
    """Text that breaks no table, and means nothing in HTML."""
    return " ".join(str(value).split()).replace("&", "&amp;").replace("<", "&lt;").replace("|", "\\|")


EXPORTER = Exporter(
    name="card", export=f"{__name__}:export", params=f"{__name__}:Params", description="A model card: one page of Markdown."
)
