"""What the compiler prints is what all others read, and a file that is another is one fault."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from headrace.compiled import (
    DeployConfig,
    ServingConfig,
    WorkspaceConfig,
    is_compiled,
    parse,
    read,
    read_serving,
    read_workspace,
)
from headrace.compiler.artifact import pretty
from headrace.diagnostics import Exit, HeadraceError

ROOT = Path(__file__).parents[2]
FLOWS = ROOT / "flows"
KINDS = {"headrace.json": WorkspaceConfig, "employment.serving.json": ServingConfig, "employment.deploy.json": DeployConfig}


def changed(name: str, **keys: object) -> str:
    return json.dumps({**json.loads((FLOWS / name).read_text(encoding="utf-8")), **keys})


def without(name: str, *keys: str) -> str:
    value = json.loads((FLOWS / name).read_text(encoding="utf-8"))
    return json.dumps({key: item for key, item in value.items() if key not in keys})


@pytest.mark.parametrize("name", KINDS)
def test_a_file_that_is_read_and_printed_is_the_same_to_the_byte(name):
    assert (FLOWS / name).read_text(encoding="utf-8") == pretty(read(KINDS[name], FLOWS / name))


def test_the_project_and_its_models_are_found_by_the_folder():
    assert ("labour", ("employment",)) == (read_workspace(ROOT).project, read_workspace(ROOT).models)
    assert ("employment", 8080) == (read_serving(ROOT, "employment").model, read_serving(ROOT, "employment").port)


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("headrace.json", "", "EOF"),
        ("headrace.json", '{"project": "labour"', "EOF"),
        ("headrace.json", "[]", "be an object"),
        ("headrace.json", without("headrace.json", "models"), r"`models` is missing\n"),
        ("headrace.json", "{}", r"`project` is missing; `language` is missing; `environment` is missing; and 9 more\n"),
        ("headrace.json", changed("headrace.json", models="employment"), r"`models`: .*array"),
        ("headrace.json", changed("headrace.json", production="no"), r"`production`: .*boolean"),
        ("employment.serving.json", changed("employment.serving.json", port="8080"), r"`port`: .*integer"),
        ("employment.serving.json", changed("employment.serving.json", unit="household"), "household"),
        ("other.serving.json", changed("employment.serving.json"), "it was compiled for model/employment"),
        ("other.deploy.json", changed("employment.deploy.json"), "it was compiled for model/employment"),
    ],
)
def test_a_damaged_or_foreign_file_is_one_fault_that_names_it(tmp_path, name, text, said):
    path = tmp_path / name
    path.write_text(text, encoding="utf-8")
    kind = next(kind for known, kind in KINDS.items() if known.partition(".")[2] == name.partition(".")[2])
    with pytest.raises(HeadraceError, match=said) as raised:
        read(kind, path)
    (fault,) = raised.value.report
    assert ("config-unreadable", True, Exit.FAILED) == (fault.id, fault.message.startswith(f"{path} cannot be read: "), raised.value.code)


def test_what_is_no_text_is_unreadable_too(tmp_path):
    (tmp_path / "headrace.json").write_bytes(b"\xff\xfe{}")
    with pytest.raises(HeadraceError, match="config-unreadable"):
        read(WorkspaceConfig, tmp_path / "headrace.json")


def test_a_folder_in_its_place_is_unreadable(tmp_path):
    (tmp_path / "headrace.json").mkdir()
    with pytest.raises(HeadraceError, match="config-unreadable"):
        read(WorkspaceConfig, tmp_path / "headrace.json")


def test_one_that_is_not_there_was_never_compiled(tmp_path):
    with pytest.raises(HeadraceError, match="not-compiled"):
        read_workspace(tmp_path)


def test_a_key_of_a_newer_compiler_is_passed_over():
    assert read_workspace(ROOT) == parse(WorkspaceConfig, changed("headrace.json", new=1), "headrace.json")


def test_a_config_cannot_be_changed():
    with pytest.raises(ValueError, match="frozen"):
        read_workspace(ROOT).project = "another"


@pytest.mark.parametrize(
    ("name", "text", "ours"),
    [
        ("employment.py", "# Compiled by headrace from model/employment.", True),
        ("employment.txt", "# Compiled by headrace from model/employment.", False),
        ("employment.py", "print()", False),
        ("employment.serving.json", '{"project": "p", "model": "employment", "old": 1}', True),
        ("other.serving.json", '{"project": "p", "model": "employment"}', False),
        ("employment.serving.json", "{", False),
        ("employment.serving.json", "[]", False),
        ("employment.json", '{"project": "p", "model": "employment"}', False),
    ],
)
def test_a_compiled_file_says_so_itself_whatever_version_wrote_it(name, text, ours):
    assert ours is is_compiled(name, text)
