"""The forms that programs read, held against their schemas."""

import json
import re
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from headrace import project
from headrace.cli import main
from headrace.diagnostics import Diagnostic, Edit, Report, Severity, Span
from headrace.diagnostics.codes import CODES
from headrace.diagnostics.sarif import FINGERPRINT, to_sarif

ROOT = Path(__file__).parents[2]
SCHEMA = json.loads((ROOT / "framework" / "docs" / "reference" / "validate.schema.json").read_text(encoding="utf-8"))
TEXT = "kind: modle\nname: é\n"
FOUND = [
    Diagnostic("unknown-kind", "m", Span("specs/a b.yaml", 1, 7, 1, 12), "did you mean `model`?", "write `model`", replacement="model"),
    Diagnostic("no-specs", "there are none", help="h"),
    Diagnostic("idle-key", "w", Span("specs/a b.yaml", 2, 1, 2, 5), severity=Severity.WARNING, related=(Span("specs/é.yaml", 1, 1, 2, 1),)),
    Diagnostic(
        "misplaced-key",
        "x",
        Span("specs/a b.yaml", 2, 1, 2, 5),
        edits=(Edit(Span("specs/a b.yaml", 2, 1, 3, 1), ""), Edit(Span("specs/a b.yaml", 1, 1, 1, 1), "name: é\n")),
    ),
]


def report() -> Report:
    return Report(list(FOUND), {"specs/a b.yaml": TEXT})


def told(capsys: pytest.CaptureFixture[str], *arguments: str) -> Any:
    with pytest.raises(SystemExit):
        main(["validate", *arguments])
    return json.loads(capsys.readouterr().out)


def project_with(folder: Path, text: str) -> Path:
    (folder / "specs").mkdir()
    (folder / "specs" / "a.yaml").write_text(text)
    return folder


WRONG = "kind: project\nname: a\nlanguage: 1\n---\nkind: source\nname: b\nuri: c\ncolums: {a: {type: int64}}\n"


@pytest.mark.parametrize("more", [[], ["--fix", "--diff"], ["specs/a.yaml"], ["--strict"]])
def test_json_is_as_its_schema_says(capsys: pytest.CaptureFixture[str], tmp_path: Path, more: list[str]) -> None:
    jsonschema.validate(told(capsys, "--json", "--root", str(project_with(tmp_path, WRONG)), *more), SCHEMA)


def test_the_schema_says_no_to_anything_else() -> None:
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate({"version": 1, "valid": True, "errors": 0, "warnings": 0, "notes": 0, "diagnostics": [{"id": "a"}]}, SCHEMA)


# What SARIF 2.1.0 demands of the parts that we write, closed to all else, so that a slip in a name is seen.
def closed(required: list[str], **properties: Any) -> dict[str, Any]:
    return {"type": "object", "additionalProperties": False, "required": required, "properties": properties}


MESSAGE = closed(["text"], text={"type": "string"}, markdown={"type": "string"})
NUMBER = {"type": "integer", "minimum": 1}
REGION = closed(["startLine"], startLine=NUMBER, startColumn=NUMBER, endLine=NUMBER, endColumn=NUMBER)
ARTIFACT = closed(["uri"], uri={"type": "string", "pattern": "^[A-Za-z0-9/._%~-]+$"})
LOCATION = closed(
    ["physicalLocation"],
    id={"type": "integer", "minimum": -1},
    physicalLocation=closed(["artifactLocation"], artifactLocation=ARTIFACT, region=REGION),
)
REPLACEMENT = closed(["deletedRegion"], deletedRegion=REGION, insertedContent=closed(["text"], text={"type": "string"}))
CHANGE = closed(
    ["artifactLocation", "replacements"], artifactLocation=ARTIFACT, replacements={"type": "array", "minItems": 1, "items": REPLACEMENT}
)
RESULT = closed(
    ["message"],
    ruleId={"type": "string"},
    ruleIndex={"type": "integer", "minimum": -1},
    level={"enum": ["none", "note", "warning", "error"]},
    message=MESSAGE,
    locations={"type": "array", "items": LOCATION},
    relatedLocations={"type": "array", "uniqueItems": True, "items": LOCATION},
    fixes={
        "type": "array",
        "items": closed(["artifactChanges"], description=MESSAGE, artifactChanges={"type": "array", "minItems": 1, "items": CHANGE}),
    },
    partialFingerprints={"type": "object", "additionalProperties": {"type": "string"}},
)
RULE = closed(["id"], id={"type": "string"}, shortDescription=MESSAGE, fullDescription=MESSAGE, help=MESSAGE)
DRIVER = closed(
    ["name"], name={"const": "headrace"}, semanticVersion={"type": "string"}, rules={"type": "array", "uniqueItems": True, "items": RULE}
)
RUN = closed(
    ["tool"],
    tool=closed(["driver"], driver=DRIVER),
    columnKind={"enum": ["utf16CodeUnits", "unicodeCodePoints"]},
    results={"type": "array", "items": RESULT},
)
SARIF = closed(
    ["version", "runs"],
    **{"$schema": {"type": "string", "format": "uri"}},
    version={"const": "2.1.0"},
    runs={"type": "array", "items": RUN},
)


def test_sarif_has_the_structure_of_2_1_0() -> None:
    log = to_sarif(report(), version="1.2.3")
    jsonschema.validate(log, SARIF)
    run = log["runs"][0]
    rules = run["tool"]["driver"]["rules"]
    assert [r["ruleId"] for r in run["results"]] == [rules[r["ruleIndex"]]["id"] for r in run["results"]]
    assert [CODES[rule["id"]].title for rule in rules] == [rule["shortDescription"]["text"] for rule in rules]


def test_sarif_of_the_command_line(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    log = told(capsys, "--format", "sarif", "--root", str(project_with(tmp_path, WRONG)))
    jsonschema.validate(log, SARIF)
    assert ["unknown-key"] == [result["ruleId"] for result in log["runs"][0]["results"]]


def test_a_fault_is_known_again_when_lines_above_it_come() -> None:
    def prints(text: str) -> list[str]:
        found = Report()
        project.load(ROOT, found, instead={"specs/channels.yaml": text.encode()})
        return [
            r["partialFingerprints"][FINGERPRINT]
            for r in to_sarif(found, version="1")["runs"][0]["results"]
            if r["ruleId"] == "unknown-key"
        ]

    text = "kind: channel\nname: a\ntype: log\nparms: {path: a}\nparma: 1\n---\nkind: channel\nname: b\ntype: log\nparms: {path: a}\n"
    assert prints(text) == prints(f"# more\n\n{text}")
    assert len(set(prints(text))) == len(prints(text)) > 1


def test_every_one_is_shown_where_that_is_asked(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    text = WRONG + "".join(f"---\nkind: channel\nname: c{n}\ntype: log\nparam: {{}}\n" for n in range(60))
    shown = []
    for more in ([], ["--all"]):
        with pytest.raises(SystemExit):
            main(
                [
                    "validate",
                    "--format",
                    "concise",
                    "--root",
                    str(project_with(tmp_path / str(len(more)), text) if not (tmp_path / str(len(more))).mkdir() else tmp_path),
                    *more,
                ]
            )
        shown.append(len(re.findall(r"error\[", capsys.readouterr().out)))
    assert [50, 61] == shown
