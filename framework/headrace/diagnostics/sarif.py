"""Faults as SARIF 2.1.0 (OASIS), which code hosts and editors read: one run, its rules from the catalogue."""

from __future__ import annotations

import hashlib
from collections import Counter
from typing import Any
from urllib.parse import quote

from headrace.diagnostics.codes import CODES, Code
from headrace.diagnostics.render import to_json
from headrace.diagnostics.report import Report

SCHEMA = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
FINGERPRINT = "headraceFault/v1"
"""What a result is known by while lines above it come and go."""


def to_sarif(report: Report, *, version: str) -> dict[str, Any]:
    """The log of one run; `version` is that of the tool."""
    views = to_json(report)
    ids = sorted({view["id"] for view in views})
    seen: Counter[str] = Counter()
    results = []
    for view in views:
        same = "\0".join((view["id"], view["file"] or "", view["message"], " ".join((view["line"] or "").split())))
        seen[same] += 1
        print_ = hashlib.sha256(f"{same}\0{seen[same]}".encode()).hexdigest()
        results.append(_result(view, ids.index(view["id"])) | {"partialFingerprints": {FINGERPRINT: print_}})
    driver = {"name": "headrace", "semanticVersion": version, "rules": [_rule(id_) for id_ in ids]}
    run = {"tool": {"driver": driver}, "columnKind": "unicodeCodePoints", "results": results}
    return {"$schema": SCHEMA, "version": "2.1.0", "runs": [run]}


def _rule(id_: str) -> dict[str, Any]:
    code = CODES.get(id_, Code(id_, id_, "A plugin's own rule."))
    shown = [f"{word}:\n{text}" for word, text in (("wrong", code.wrong), ("right", code.right)) if text]
    marked = [f"{word}:\n\n```yaml\n{text}\n```" for word, text in (("wrong", code.wrong), ("right", code.right)) if text]
    more = [code.help] if code.help else []
    return {
        "id": id_,
        "shortDescription": {"text": code.title},
        "fullDescription": {"text": code.why},
        "help": {"text": "\n\n".join([code.why, *shown, *more]), "markdown": "\n\n".join([code.why, *marked, *more])},
    }


def _result(view: dict[str, Any], rule: int) -> dict[str, Any]:
    said = [text for text in (view["message"], view["caret"], view["help"]) if text]
    result: dict[str, Any] = {
        "ruleId": view["id"],
        "ruleIndex": rule,
        "level": view["severity"],
        "message": {"text": "; ".join(said)},
    }
    if view["file"] is not None:
        result["locations"] = [_location(view)]
    if view["related"]:
        result["relatedLocations"] = [_location(other) | {"id": number} for number, other in enumerate(view["related"], 1)]
    if view["edits"]:
        result["fixes"] = [_fix(view)]
    return result


def _location(placed: dict[str, Any]) -> dict[str, Any]:
    return {"physicalLocation": {"artifactLocation": {"uri": quote(placed["file"])}, "region": _region(placed["range"])}}


def _region(range_: dict[str, dict[str, int]]) -> dict[str, int]:
    start, end = range_["start"], range_["end"]
    return {"startLine": start["line"], "startColumn": start["column"], "endLine": end["line"], "endColumn": end["column"]}


def _fix(view: dict[str, Any]) -> dict[str, Any]:
    files = list(dict.fromkeys(edit["file"] for edit in view["edits"]))
    changes = [
        {
            "artifactLocation": {"uri": quote(file)},
            "replacements": [
                {"deletedRegion": _region(edit["range"]), "insertedContent": {"text": edit["replacement"]}}
                for edit in view["edits"]
                if edit["file"] == file
            ],
        }
        for file in files
    ]
    return {"description": {"text": view["help"] or "the change that mends it"}, "artifactChanges": changes}
