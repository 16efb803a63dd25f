"""`headrace card`: the file that people fill in, what a version's card lacks, and what an edit of the file does."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[1] / "serving"))

from serving_project import MODEL, Project
from serving_project import project as make_project

from headrace import registry
from headrace.cli import main
from headrace.spec.card_file import OutsideError, path_fault, read_file

CARD = {
    "file": "cards/employment.md",
    "risk": "low",
    "sections": [],
    "owner": "labour",
    "description": "Who works?",
    "sensitive": ["sex"],
    "drift": [],
    "performance": None,
    "alerts": [{"id": "a", "when": "drift.share > 0.1", "severity": "warning", "notify": ["channel/ml"]}],
    "retraining": [],
    "rollout": None,
    "fallback": "champion",
}
TEXT = "---\nlicense: MIT\n---\n## Purpose\n\nIt is asked by planners of the office.\n\n## Limitations\n\nTODO\n"


@pytest.fixture
def made(tmp_path: Path) -> Iterator[Project]:
    """A compiled project with one version, whose model has a card's file."""
    project = make_project(tmp_path)
    path = project.root / "flows" / "headrace.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"cards": {MODEL: CARD}}))
    (project.root / "cards").mkdir()
    (project.root / "cards" / "employment.md").write_text(TEXT)
    project.register(0)
    yield project
    project.store.close()


@pytest.fixture
def card(made: Project, capsys: pytest.CaptureFixture[str]):
    def run(*arguments: str) -> tuple[int, str, str]:
        with pytest.raises(SystemExit) as ended:
            main(["card", *arguments, "--root", str(made.root)])
        told = capsys.readouterr()
        return int(ended.value.code or 0), told.out, told.err

    return run


def test_what_lacks_is_told_with_where_to_write_it(made: Project, card) -> None:
    assert 0 == card("write", MODEL)[0]
    code, told, err = card("check", f"model/{MODEL}@1", "--json")
    found = json.loads(told)
    assert (4, False, "cards/employment.md", False) == (code, found["complete"], found["file"], found["edited"]), err
    lacking = {(one["part"], one["need"]): one["help"] for one in found["lacking"]}
    assert "write it in `cards/employment.md`, below `## Limitations`" == lacking["limitations", "text"]
    assert ("purpose", "text") not in lacking
    code, told, _ = card("check", MODEL)
    assert (4, True) == (code, "Limitations: `TODO` stands there" in told)


def test_an_edit_is_told_and_written_as_another_card(made: Project, card) -> None:
    card("write", MODEL)
    path = made.root / "cards" / "employment.md"
    path.write_text(TEXT.replace("TODO", "It knows nothing of people who work for themselves."))
    assert "says something else by now: `headrace card write employment@1` writes a new card." in card("check", MODEL)[1]
    code, told, err = card("write", MODEL)
    assert (0, True) == (code, told.startswith("wrote card 3 of model/employment v1: draft")), err
    assert "says all of it already" in card("write", MODEL)[1]
    changes = {one["path"]: one["after"] for one in json.loads(card("diff", MODEL, "--json")[1])["changes"]}
    assert {"card_version": 3, "limitations.text": "It knows nothing of people who work for themselves."} == changes
    assert "  + It knows nothing of people" in card("diff", MODEL)[1]
    cards = json.loads(card("history", MODEL, "--json")[1])["cards"]
    assert [(3, "draft"), (2, "archived"), (1, "archived")] == [(one["card_version"], one["status"]) for one in cards]
    assert "archived" in card("history", MODEL)[1]


def test_a_card_is_shown_with_its_digest(made: Project, card) -> None:
    card("write", MODEL)
    found = json.loads(card("show", MODEL, "--json")[1])
    with made.store.read() as session:
        newest = registry.card_of(session, MODEL, 1)
    assert (newest.digest, dict(newest.content)) == (found["digest"], found["content"])
    told = card("show", f"{MODEL}@1")[1]
    assert ("MIT" in told, "It is asked by planners" in told, "low 0.0" in told) == (True, True, True)
    assert json.loads(card("show", MODEL, "--card", "1", "--json")[1])["digest"] != found["digest"]


def test_a_file_that_is_gone_is_written_into_no_card(made: Project, card) -> None:
    (made.root / "cards" / "employment.md").unlink()
    code, _, err = card("write", MODEL)
    assert (3, True) == (code, "error[card-missing]" in err)
    assert "cannot be read" in card("check", MODEL)[1]


def test_the_first_card_of_a_second_version_is_compared_with_the_one_before(made: Project, card) -> None:
    assert 1 == card("diff", f"{MODEL}@1")[0]
    made.register(1)
    changes = {one["path"] for one in json.loads(card("diff", f"{MODEL}@2", "--json")[1])["changes"]}
    assert {"identity.version", "change_log.previous"} <= changes


@pytest.mark.parametrize("given", ["../x.md", "/etc/x.md", "a/../../x.md", "c:\\x.md", "x.txt", "~/x.md", "file:x.md", "a\x00.md"])
def test_a_path_that_leads_out_is_refused(given: str, tmp_path: Path) -> None:
    assert path_fault(given) is not None
    with pytest.raises(OutsideError):
        read_file(tmp_path, given)


def test_a_link_that_leads_out_is_refused_and_one_within_is_followed(tmp_path: Path) -> None:
    (tmp_path / "secret.md").write_text("out")
    root = tmp_path / "root"
    (root / "cards").mkdir(parents=True)
    (root / "cards" / "out.md").symlink_to(tmp_path / "secret.md")
    (root / "real.md").write_text("in")
    (root / "cards" / "in.md").symlink_to(root / "real.md")
    with pytest.raises(OutsideError, match="a link leads out"):
        read_file(root, "cards/out.md")
    assert "in" == read_file(root, "cards/in.md")


@pytest.mark.parametrize("data", [b"\xff\xfe", b"a" * (2**18 + 1)])
def test_a_file_that_no_person_reads_is_refused(data: bytes, tmp_path: Path) -> None:
    (tmp_path / "x.md").write_bytes(data)
    with pytest.raises(OutsideError):
        read_file(tmp_path, "x.md")
