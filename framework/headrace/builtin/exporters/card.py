"""A model card: one Markdown page that says what a version is, what it was made of, what it scores and what people say of it.

After Mitchell et al., "Model Cards for Model Reporting", FAT* 2019.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field

from headrace.builtin.exporters.carded import about, answer, card_of, cell, lines
from headrace.hooks import Export, Exporter


class Params(BaseModel):
    """The parameters of `card`."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    categories: int = Field(default=12, ge=0, le=1000, description="How many categories of an input are listed.")


def export(version: Export, params: Params, folder: Path) -> None:
    """Write `MODEL_CARD.md`."""
    (folder / "MODEL_CARD.md").write_text("\n".join(_lines(version, params)) + "\n", encoding="utf-8", newline="\n")


def _lines(version: Export, params: Params) -> Iterator[str]:
    import orjson

    manifest, card = orjson.loads(version.manifest), card_of(version)
    yield f"# {cell(version.model)}, version {version.number}\n"
    if card.identity.description:
        yield cell(card.identity.description) + "\n"
    target, made = cell(manifest.get("target", "?")), f"{version.created_at:%Y-%m-%d}"
    yield f"Made by `{version.algorithm}` on {made}; it answers `{target}` {cell(answer(manifest))}.\n"
    yield "| | |\n|---|---|"
    yield from (f"| {name} | {cell(value)} |" for name, value in about(version, card).items())
    yield from lines(version, card, params.categories)


EXPORTER = Exporter(
    name="card", export=f"{__name__}:export", params=f"{__name__}:Params", description="A model card: one page of Markdown."
)
