"""The texts of a new plugin: one file that works and is to be changed, or a package around it with its tests."""

from __future__ import annotations

import re
from importlib.resources import files as resources

_NAME = re.compile(r"[a-z][a-z0-9]*([_-][a-z0-9]+)*")
_CHECKS = {
    "algorithm": ("ALGORITHM", "check_algorithm(ALGORITHM)"),
    "metric": ("METRIC", "check_metric(METRIC)"),
    "detector": ("DETECTOR", "check_detector(DETECTOR)"),
    "channel": ("CHANNEL", 'check_channel(CHANNEL, {"path": str(tmp_path / "alerts.txt")}, unreachable={"path": str(tmp_path)})'),
    "reader": ("READER", 'check_reader(READER, lambda frame, path: frame.to_csv(path, sep="\\t", index=False))'),
    "rule": ("RULE", "check_rule(RULE)"),
    "strategy": ("STRATEGY", "check_strategy(STRATEGY)"),
    "gate": ("GATE", "check_gate(GATE)"),
    "exporter": ("EXPORTER", "check_exporter(EXPORTER)"),
    "transform": ("TRANSFORM", "check_transform(TRANSFORM)"),
    "tracker": (
        "TRACKER",
        'check_tracker(TRACKER, {"folder": str(tmp_path / "runs")}, unreachable={"folder": "/dev/null/runs"})',
    ),
}


_LONGEST = 40
"""Letters of a name, so that a folder and a module can be made of it."""


def likely(name: str) -> str | None:
    """A plugin's name as near as can be to one that is none; None where nothing of it is left."""
    found = re.sub(r"[^a-z0-9]+", "-", name.casefold()).strip("-0123456789")[:_LONGEST].strip("-")
    return found if _NAME.fullmatch(found) else None


def files(name: str, axis: str, *, package: bool) -> dict[str, str]:
    """The files of a new plugin by path under the project's folder; ValueError where the name is none."""
    if not _NAME.fullmatch(name) or len(name) > _LONGEST:
        raise ValueError(f"`{name[:80]}` is no plugin's name: lower-case letters, digits, single dashes or underscores, at most {_LONGEST}")
    text = _template(f"{axis}.py").replace("@NAME@", name.replace("_", "-") if axis == "rule" else name)
    if not package:
        return {f"plugins/{name.replace('-', '_')}.py": text}
    distribution = f"headrace-{name.replace('_', '-')}"
    module = distribution.replace("-", "_")
    value, call = _CHECKS[axis]
    given = {
        "@NAME@": name,
        "@AXIS@": axis,
        "@DISTRIBUTION@": distribution,
        "@MODULE@": module,
        "@VALUE@": value,
        "@CALL@": call,
        "@FIXTURE@": "tmp_path" if "tmp_path" in call else "",
    }
    made = {
        f"{distribution}/pyproject.toml": _template("pyproject.toml"),
        f"{distribution}/README.md": _template("README.md"),
        f"{distribution}/tests/test_{module}.py": _template("test.py"),
    }
    for path, template in made.items():
        made[path] = re.sub(r"@[A-Z]+@", lambda match: given[match[0]], template)
    return {f"{distribution}/src/{module}/__init__.py": text, **made}


def _template(name: str) -> str:
    return (resources("headrace.cli") / "plugin" / f"{name}.txt").read_text(encoding="utf-8")
