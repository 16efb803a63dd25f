"""Rules of plugins: they see values and name a part; the core finds its line."""

from pathlib import Path

import pytest

from headrace import project as projects
from headrace.diagnostics import Report

BASE = Path(__file__).parents[1] / "cases" / "base.yaml"
RULE = """
from headrace.hooks import Finding, Rule, hookimpl

@hookimpl
def headrace_rules():
    return [Rule("acme/enough-rows", f"{{__name__}}:check")]

def check(specs):
    {body}
"""
FINDS = """for address, spec in specs.items():
        if spec.kind == "model":
            yield Finding(address, "this gate is ours to judge", ("gates", 0, "metric"), help="ask us", severity="warning")"""


def said(root: Path, body: str) -> tuple[bool, Report]:
    (root / "specs").mkdir()
    (root / "plugins").mkdir()
    (root / "specs" / "all.yaml").write_text(BASE.read_text())
    (root / "plugins" / "mine.py").write_text(RULE.format(body=body))
    report = Report()
    return projects.load(root, report) is not None, report


def test_a_finding_stands_at_its_line(tmp_path: Path) -> None:
    loaded, report = said(tmp_path, FINDS)
    (found,) = report.found
    line = report.texts["specs/all.yaml"].splitlines()[found.span.line - 1]
    assert (True, "acme/enough-rows", "warning", "ask us") == (loaded, found.id, found.severity, found.help)
    assert "metric" in line


@pytest.mark.parametrize(
    ("body", "told"),
    [
        ("return 1 / 0", "failed in the rule `acme/enough-rows`: ZeroDivisionError: division by zero"),
        ("return None", "it gave None, and not Findings"),
        ("return ['no']", "it gave str, and not Finding"),
        ("return [Finding('model/byus', 'no')]", "it speaks of `model/byus`, which is no spec"),
        ("return [Finding(next(iter(specs)), 'no', severity='fatal')]", "its severity `fatal` is none of"),
        ("specs['model/x'] = 1", "TypeError"),
        ("exit(0)", "SystemExit"),
    ],
)
def test_a_rule_that_fails_is_named_with_its_plugin(tmp_path: Path, body: str, told: str) -> None:
    loaded, report = said(tmp_path, body)
    assert (False, ["plugin-failed"]) == (loaded, [d.id for d in report])
    assert "plugin `plugins/mine.py` " in report.found[0].message
    assert told in report.found[0].message
    assert "plugins/mine.py" == report.found[0].span.file
