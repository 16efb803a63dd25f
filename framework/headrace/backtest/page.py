"""A replay's summary as one HTML page that stands alone."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

TEMPLATE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>{{ s.backtest }}</title>
<style>
 body { font: 15px/1.5 system-ui, sans-serif; margin: 2rem auto; max-width: 62rem; padding: 0 1rem; color: #1c2430; }
 h1 { font-size: 1.5rem; } h2 { font-size: 1.1rem; margin-top: 2rem; }
 table { border-collapse: collapse; width: 100%; } th, td { text-align: left; padding: .25rem .6rem; border-bottom: 1px solid #dde3ea; }
 td.n, th.n { text-align: right; font-variant-numeric: tabular-nums; } .bad { color: #a3200d; } .good { color: #17692f; }
 .facts { display: flex; flex-wrap: wrap; gap: 1.5rem; } .facts b { display: block; font-size: 1.6rem; } svg { width: 100%; height: auto; }
 svg text { font-size: 11px; fill: #5b6675; }
</style></head><body>
<h1>{{ s.backtest }}: model/{{ s.model }}</h1>
<div class="facts">{% for name, value in facts %}<div><b>{{ value }}</b>{{ name }}</div>{% endfor %}</div>
{% if points %}
<h2>Realised and estimated performance by window</h2>
<svg viewBox="0 0 900 260" role="img" aria-label="performance by window">
 {% for band in bands %}<rect x="{{ band.x }}" y="10" width="{{ band.w }}" height="210" fill="#f6e3c5" opacity=".6"/><text x="{{ band.x + 4 }}" y="22">{{ band.name }}</text>{% endfor %}
 {% for tick in ticks %}<line x1="50" x2="890" y1="{{ tick.y }}" y2="{{ tick.y }}" stroke="#dde3ea"/><text x="8" y="{{ tick.y + 4 }}">{{ tick.label }}</text>{% endfor %}
 <polyline points="{{ estimated }}" fill="none" stroke="#8a94a3" stroke-width="2" stroke-dasharray="5 4"/>
 <polyline points="{{ points }}" fill="none" stroke="#1857b8" stroke-width="2.5"/>
 {% for label in labels %}<text x="{{ label.x }}" y="240" text-anchor="middle">{{ label.text }}</text>{% endfor %}
</svg>
<p>Solid: realised, once the answers were known. Dashed: estimated before. Shaded: injected incidents.</p>
{% endif %}
<h2>Timeline</h2>
<table>{% for e in s.timeline %}<tr><td>{{ e.at[:10] }}</td><td>{{ e.text }}</td></tr>{% endfor %}</table>
<h2>Alerts</h2>
<table><tr><th>when</th><th>rule</th><th>cause</th></tr>{% for a in s.alerts %}
<tr><td>{{ a.at[:10] }}</td><td>{{ a.rule }}</td><td>{{ a.cause }}{% if a.incidents %} ({{ a.incidents | join(", ") }}){% endif %}</td></tr>{% endfor %}</table>
<h2>Windows</h2>
<table><tr><th class="n">no.</th><th>from</th><th>to</th><th class="n">version</th><th class="n">drifted share</th><th class="n">estimate</th><th class="n">realised</th></tr>
{% for w in s.windows %}<tr><td class="n">{{ w.number }}</td><td>{{ w.start[:10] }}</td><td>{{ w.end[:10] }}</td><td class="n">{{ w.version }}</td>
<td class="n">{{ num(w.drift_share) }}</td><td class="n">{{ num(w.estimate) }}</td><td class="n">{{ num(w.performance) }}</td></tr>{% endfor %}</table>
{% if s.expectations %}<h2>Expectations</h2>
<table>{% for x in s.expectations %}<tr><td class="{{ 'good' if x.met else 'bad' }}">{{ "met" if x.met else "missed" }}</td><td>{{ x.expect }}</td>
<td>wanted {{ x.wanted }}, found {{ x.found }}</td></tr>{% endfor %}</table>{% endif %}
</body></html>
"""


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.3f}"


def page(summary: Mapping[str, Any]) -> str:
    """Render the page; everything from the summary is escaped."""
    from jinja2 import Environment, StrictUndefined

    windows = summary["windows"]
    known = [value for window in windows for value in (window["performance"], window["estimate"]) if value is not None]
    low, high = (min(known) - 0.01, max(known) + 0.01) if known else (0.0, 1.0)
    step = 840 / max(len(windows) - 1, 1)

    def at(position: int, value: float) -> str:
        return f"{50 + position * step:.1f},{220 - (value - low) / (high - low) * 200:.1f}"

    bands = []
    for incident in summary["incidents"]:
        inside = [i for i, window in enumerate(windows) if incident["id"] in window["incidents"]]
        if inside:
            left = max(50 + inside[0] * step - step / 2, 50)
            bands.append({"name": incident["id"], "x": left, "w": min(50 + inside[-1] * step + step / 2, 890) - left})
    environment = Environment(autoescape=True, undefined=StrictUndefined)
    return environment.from_string(TEMPLATE).render(
        s=summary,
        num=_number,
        facts=[("requests", f"{summary['counts'].get('requests', 0):,}"), *((name.replace("_", " "), n) for name, n in summary["happened"].items())],
        points=" ".join(at(i, w["performance"]) for i, w in enumerate(windows) if w["performance"] is not None),
        estimated=" ".join(at(i, w["estimate"]) for i, w in enumerate(windows) if w["estimate"] is not None),
        ticks=[{"y": 220 - 50 * i, "label": f"{low + (high - low) * i / 4:.3f}"} for i in range(5)],
        labels=[{"x": 50 + i * step, "text": w["end"][:7]} for i, w in enumerate(windows) if i % 2 == 0],
        bands=bands,
    )
