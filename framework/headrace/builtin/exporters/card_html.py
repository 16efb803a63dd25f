"""A model card as one HTML page without a script, a style sheet or a picture of elsewhere; every word in it is text."""

from __future__ import annotations

import re
from collections.abc import Iterator
from html import escape
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field

from headrace.builtin.exporters.carded import Chapter, Table, about, answer, card_of, chapters
from headrace.hooks import Export, Exporter

_STYLE = (
    "body{font:16px/1.5 system-ui,sans-serif;max-width:56rem;margin:2rem auto;padding:0 1rem;color:#1c1c1c;background:#fff}"
    "table{border-collapse:collapse;margin:.5rem 0 1rem}th,td{border:1px solid #bbb;padding:.25rem .6rem;text-align:left;"
    "vertical-align:top;overflow-wrap:anywhere}th{background:#f2f2f2}@media print{body{margin:0}}"
)
_HEADING, _ITEM = re.compile(r"^#{1,6}\s+(.*)$"), re.compile(r"^\s*[-*+]\s+(.*)$")


class Params(BaseModel):
    """The parameters of `card-html`."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    categories: int = Field(default=12, ge=0, le=1000, description="How many categories of an input are listed.")


def export(version: Export, params: Params, folder: Path) -> None:
    """Write `model-card.html`."""
    (folder / "model-card.html").write_text("\n".join(_page(version, params)) + "\n", encoding="utf-8", newline="\n")


def _page(version: Export, params: Params) -> Iterator[str]:
    import orjson

    manifest, card = orjson.loads(version.manifest), card_of(version)
    title = escape(f"{version.model}, version {version.number}")
    yield '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">'
    yield "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">"
    yield f'<meta name="viewport" content="width=device-width">\n<title>{title}</title>\n<style>{_STYLE}</style>\n</head>\n<body>'
    yield f"<h1>{title}</h1>"
    if card.identity.description:
        yield f"<p>{escape(card.identity.description)}</p>"
    target, made = escape(str(manifest.get("target", "?"))), f"{version.created_at:%Y-%m-%d}"
    yield f"<p>Made by <code>{escape(version.algorithm)}</code> on {made}; it answers <code>{target}</code> {escape(answer(manifest))}.</p>"
    yield from _facts(tuple(about(version, card).items()))
    for chapter in chapters(version, card, params.categories):
        yield from _chapter(chapter)
    yield "</body>\n</html>"


def _chapter(chapter: Chapter) -> Iterator[str]:
    yield f"<h2>{escape(chapter.title)}</h2>"
    yield from _prose(chapter.text)
    yield from _facts(chapter.facts)
    for table in chapter.tables:
        yield from _table(table)


def _prose(text: str) -> Iterator[str]:
    """Paragraphs, lists and headings; all other marks of Markdown stay as they were written."""
    for block in re.split(r"\n\s*\n", text.strip()) if text.strip() else ():
        rows = block.split("\n")
        if all(_ITEM.match(row) for row in rows):
            items = "".join(f"<li>{escape(row.strip()[1:].strip())}</li>" for row in rows)
            yield f"<ul>{items}</ul>"
            continue
        heading = _HEADING.match(rows[0])
        if heading is not None:
            yield f"<h3>{escape(heading[1])}</h3>"
            rows = rows[1:]
        if rows:
            yield f"<p>{escape(chr(10).join(rows))}</p>"


def _facts(facts: tuple[tuple[str, str], ...]) -> Iterator[str]:
    if facts:
        rows = "\n".join(f'<tr><th scope="row">{escape(name)}</th><td>{escape(value)}</td></tr>' for name, value in facts)
        yield f"<table>\n{rows}\n</table>"


def _table(table: Table) -> Iterator[str]:
    head = "".join(f'<th scope="col">{escape(name)}</th>' for name in table.head)
    rows = "\n".join("<tr>" + "".join(f"<td>{escape(value)}</td>" for value in row) + "</tr>" for row in table.rows)
    yield f"<h3>{escape(table.title)}</h3>\n<table>\n<tr>{head}</tr>\n{rows}\n</table>"


EXPORTER = Exporter(name="card-html", export=f"{__name__}:export", params=f"{__name__}:Params", description="A model card: one HTML page.")
