"""A difference as one HTML page that needs nothing else: no script, no request; all that a version says is escaped."""

from __future__ import annotations

import json
from collections.abc import Iterator
from html import escape
from typing import Any

from headrace.registry.difference import ABSENT, Difference, Row, Section

_STYLE = """
body { font: 15px/1.5 system-ui, sans-serif; margin: 2rem auto; max-width: 70rem; padding: 0 1rem; color: #1a1a1a; background: #fff; }
table { border-collapse: collapse; width: 100%; margin-bottom: 2rem; }
th, td { text-align: left; padding: .3rem .6rem; border-bottom: 1px solid #ddd; vertical-align: top; overflow-wrap: anywhere; }
tr.other td { background: #fff6d6; }
.absent { color: #767676; font-style: italic; }
code { font-size: .9em; }
@media (prefers-color-scheme: dark) {
  body { color: #eee; background: #161616; } th, td { border-color: #444; } tr.other td { background: #453a10; } .absent { color: #aaa; }
}
"""


def page(found: Difference) -> str:
    """The page's text: a table a section, rows that differ marked by colour and by a word."""
    names = " and ".join(f"{version.model}@{version.number}" for version in found.versions)
    return "\n".join(
        [
            '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">',
            "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">",
            f"<title>{escape(names)}</title>\n<style>{_STYLE}</style>\n</head>\n<body>",
            f"<h1>{escape(names)}</h1>",
            *(f"<p>{escape(line)}</p>" for line in found.unread),
            *(line for section in Section for line in _section(found, section)),
            "</body>\n</html>\n",
        ]
    )


def _section(found: Difference, section: Section) -> Iterator[str]:
    rows = [row for row in found.rows if row.section is section]
    if not rows:
        return
    other = sum(not row.same for row in rows)
    yield f"<h2>{escape(section)}</h2>\n<p>{other} of {len(rows)} differ</p>"
    heads = "".join(f'<th scope="col">{escape(f"{version.model}@{version.number}")}</th>' for version in found.versions)
    change = '<th scope="col">change</th>' if section is Section.METRICS else ""
    yield f'<table>\n<thead><tr><th scope="col">key</th>{heads}{change}<th scope="col"></th></tr></thead>\n<tbody>'
    yield from (_row(row, change=bool(change)) for row in sorted(rows, key=lambda row: row.same))
    yield "</tbody>\n</table>"


def _row(row: Row, *, change: bool) -> str:
    cells = "".join(f"<td>{_cell(value)}</td>" for value in row.values)
    told = f"<td>{'' if row.change is None else f'{row.change:+.6g}'}</td>" if change else ""
    mark = "" if row.same else ' class="other"'
    return f'<tr{mark}><th scope="row"><code>{escape(row.name)}</code></th>{cells}{told}<td>{"" if row.same else "differs"}</td></tr>'


def _cell(value: Any) -> str:  # noqa: ANN401 - JSON
    if value is ABSENT:
        return '<span class="absent">absent</span>'
    return escape(value if isinstance(value, str) else json.dumps(value, ensure_ascii=False))
