"""`headrace export`: a version that was verified, in a folder of its own, by any plugin's form."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[1] / "serving"))

from serving_project import MODEL, Project
from serving_project import project as make_project

from headrace import registry
from headrace.cli import main
from headrace.cli.new_plugin import files
from headrace.diagnostics import Exit


@pytest.fixture
def made(tmp_path: Path) -> Iterator[Project]:
    """A compiled project with two versions, the first of them champion."""
    project = make_project(tmp_path)
    for seed in range(2):
        project.register(seed)
    with project.store.transaction("user:test", "promote", MODEL) as session:
        registry.promote(session, model=MODEL, number=1, at=registry.get(session, MODEL, 1).created_at, reason="test")
    yield project
    project.store.close()


@pytest.fixture
def headrace(capsys: pytest.CaptureFixture[str]):
    def run(*arguments: str) -> tuple[int, str, str]:
        with pytest.raises(SystemExit) as ended:
            main(["export", *arguments])
        told = capsys.readouterr()
        return int(ended.value.code or 0), told.out, told.err

    return run


def test_the_champion_leaves_with_its_digests(made: Project, headrace, tmp_path) -> None:
    out = tmp_path / "out"
    code, told, err = headrace(f"model/{MODEL}", "--to", "folder", "--out", str(out), "--root", str(made.root), "--json")
    assert 0 == code, err
    result = json.loads(told)
    assert (MODEL, 1, "folder") == (result["model"], result["version"], result["format"])
    assert sorted(file["path"] for file in result["files"]) == sorted(path.name for path in out.iterdir())
    about = json.loads((out / "version.json").read_text())
    with made.store.read() as session:
        version = registry.get(session, MODEL, 1)
    assert version.model_digest == about["model_digest"]
    assert made.store.blobs.get(version.model_digest) == next(out.glob("model.*")).read_bytes()


def test_a_version_by_its_number_and_a_parameter(made: Project, headrace, tmp_path) -> None:
    out = tmp_path / "card"
    code, told, err = headrace(f"{MODEL}@2", "--to", "card", "--out", str(out), "--param", "categories=0", "--root", str(made.root))
    assert (0, True) == (code, f"model/{MODEL} v2 is exported as `card`." in told), err
    assert f"# {MODEL}, version 2" in (out / "MODEL_CARD.md").read_text()


def test_a_plugin_of_the_projects_own(made: Project, headrace, tmp_path) -> None:
    for path, text in files("inputs", "exporter", package=False).items():
        (made.root / path).parent.mkdir(exist_ok=True)
        (made.root / path).write_text(text)
    out = tmp_path / "table"
    code, _, err = headrace(MODEL, "--to", "inputs", "--out", str(out), "--param", "delimiter=;", "--root", str(made.root))
    assert (0, True) == (code, (out / f"{MODEL}-v1.csv").read_text().startswith("input;type;categories\n")), err


@pytest.mark.parametrize(
    ("arguments", "code", "says"),
    [
        ((MODEL, "--to", "fodler"), Exit.USAGE, "error[unknown-exporter]: no plugin offers the format `fodler`"),
        ((f"{MODEL}@7", "--to", "folder"), Exit.FAILED, "error[no-version]"),
        ((f"{MODEL}x", "--to", "folder"), Exit.USAGE, "error[unknown-model]"),
        ((MODEL, "--to", "card", "--param", "categorys=3"), Exit.USAGE, "error[bad-params]"),
        ((MODEL, "--to", "card", "--param", "categories"), Exit.USAGE, "is not of the form KEY=VALUE"),
    ],
)
def test_what_cannot_be_meant(made: Project, headrace, tmp_path, *, arguments: tuple[str, ...], code: Exit, says: str) -> None:
    ended, _, err = headrace(*arguments, "--out", str(tmp_path / "out"), "--root", str(made.root))
    assert (code, True, False) == (ended, says in err, (tmp_path / "out").exists()), err


def test_a_version_whose_bytes_were_altered_is_refused(made: Project, headrace, tmp_path) -> None:
    with made.store.read() as session:
        path = made.store.blobs.path(registry.get(session, MODEL, 1).model_digest)
    path.chmod(0o644)
    path.write_bytes(path.read_bytes() + b" ")
    code, _, err = headrace(MODEL, "--to", "folder", "--out", str(tmp_path / "out"), "--root", str(made.root))
    assert (Exit.REFUSED, True, False) == (code, "error[artifact-altered]" in err, (tmp_path / "out").exists())


def test_before_the_first_champion_a_version_is_named(headrace, tmp_path) -> None:
    project = make_project(tmp_path / "empty")
    project.register(0)
    code, _, err = headrace(MODEL, "--to", "folder", "--out", str(tmp_path / "out"), "--root", str(project.root))
    assert (Exit.FAILED, True) == (code, f"name a version, such as `{MODEL}@latest`" in err), err
    assert 0 == headrace(f"{MODEL}@latest", "--to", "folder", "--out", str(tmp_path / "out"), "--root", str(project.root))[0]
    project.store.close()


def test_a_folder_that_stands_there_is_left_alone(made: Project, headrace, tmp_path) -> None:
    (tmp_path / "out").mkdir()
    code, _, err = headrace(MODEL, "--to", "folder", "--out", str(tmp_path / "out"), "--root", str(made.root))
    assert (Exit.REFUSED, True, []) == (code, "error[export-exists]" in err, list((tmp_path / "out").iterdir()))


def test_a_server_leaves_before_there_is_a_version(headrace, tmp_path) -> None:
    project = make_project(tmp_path / "made")
    project.store.close()
    out = tmp_path / "unit"
    code, told, err = headrace(MODEL, "--to", "systemd", "--out", str(out), "--root", str(project.root))
    assert (0, True) == (code, f"The server of model/{MODEL} is exported as `systemd`." in told), err
    assert [f"headrace-{MODEL}.service"] == [path.name for path in out.iterdir()]


def test_a_server_is_of_no_version(made: Project, headrace, tmp_path) -> None:
    code, _, err = headrace(f"{MODEL}@2", "--to", "systemd", "--out", str(tmp_path / "unit"), "--root", str(made.root))
    assert (Exit.USAGE, True) == (code, "`systemd` is of a model's server, and of no version of it" in err)


def test_a_server_leaves_with_the_projects_plugins_and_pins_what_is_installed(made: Project, headrace, tmp_path) -> None:
    (made.root / "plugins" / "__pycache__").mkdir(parents=True)
    (made.root / "plugins" / "own.py").write_text("")
    (made.root / "plugins" / "__pycache__" / "own.pyc").write_text("")
    out = tmp_path / "image"
    arguments = ("--param", "anonymous=true", "--root", str(made.root))
    assert 0 == headrace(MODEL, "--to", "docker", "--out", str(out), *arguments)[0]
    copied = {path.relative_to(out / "project").as_posix() for path in (out / "project").rglob("*") if path.is_file()}
    assert {"flows/headrace.json", f"flows/{MODEL}.serving.json", "plugins/own.py"} == copied
    pinned = dict(line.split("==") for line in (out / "requirements.lock").read_text().splitlines())
    assert {name: version(name) for name in ("headrace", "uvicorn", "numpy", "psycopg")} == {
        name: pinned[name] for name in ("headrace", "uvicorn", "numpy", "psycopg")
    }
    assert "pytest" not in pinned
