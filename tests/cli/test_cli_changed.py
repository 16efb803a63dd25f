"""validate of some files: those that git says were changed, or those that are named."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from headrace.cli import main

ROOT = Path(__file__).parents[2]


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A project in a folder of a repository, committed."""
    shutil.copytree(ROOT / "tests" / "plan" / "reference" / "specs", tmp_path / "ml" / "specs")
    git(tmp_path, "init", "-q", "-b", "main")
    commit(tmp_path)
    return tmp_path / "ml"


def git(folder: Path, *arguments: str) -> None:
    subprocess.run(["git", "-C", folder, "-c", "user.name=a", "-c", "user.email=a@example.com", *arguments], check=True)


def commit(folder: Path) -> None:
    git(folder, "add", "-A")
    git(folder, "commit", "-q", "-m", "x")


def write(root: Path, name: str, before: str, after: str) -> None:
    path = root / "specs" / name
    text = path.read_text()
    assert before in text
    path.write_text(text.replace(before, after))


def run(capsys: pytest.CaptureFixture[str], root: Path, *arguments: str) -> tuple[int, str, str]:
    with pytest.raises(SystemExit) as end:
        main(["validate", "--root", str(root), *arguments])
    told = capsys.readouterr()
    assert isinstance(end.value.code, int)
    return end.value.code, told.out, told.err


def ids(out: str) -> list[tuple[str, str]]:
    return [(d["id"], d["file"]) for d in json.loads(out)["diagnostics"]]


def test_nothing_changed(capsys: pytest.CaptureFixture[str], root: Path) -> None:
    assert (0, "No errors in 0 files.\n", "") == run(capsys, root, "--changed")


def test_old_faults_of_other_files_are_counted(capsys: pytest.CaptureFixture[str], root: Path) -> None:
    write(root, "employment.yaml", "port: 8080", "prt: 8080")
    commit(root)
    write(root, "channels.yaml", "timeout: 5s", "timeout: 6s")
    assert (0, "No errors in 1 file; 1 elsewhere, which it did not cause.\n", "") == run(capsys, root, "--changed")
    assert 3 == run(capsys, root)[0]


def test_what_a_change_breaks_elsewhere_is_told(capsys: pytest.CaptureFixture[str], root: Path) -> None:
    write(root, "channels.yaml", "name: ml-log", "name: ml-logs")
    code, out, _ = run(capsys, root, "--changed", "--json")
    assert (3, [("unknown-reference", "specs/employment.yaml")] * 2, ["specs/channels.yaml"]) == (code, ids(out), json.loads(out)["files"])


def test_a_removed_file_breaks_what_refers_to_it(capsys: pytest.CaptureFixture[str], root: Path) -> None:
    (root / "specs" / "features.yaml").unlink()
    code, out, _ = run(capsys, root, "--changed", "--json")
    assert (3, [("unknown-reference", "specs/employment.yaml")]) == (code, ids(out))


@pytest.fixture
def stepped(root: Path) -> Path:
    """With a step of the user's own, and a plugin, committed."""
    (root / "mysteps.py").write_text("def clean(rows):\n    return rows\n")
    (root / "plugins").mkdir()
    (root / "plugins" / "a.py").write_text("")
    path = root / "specs" / "employment.yaml"
    path.write_text(path.read_text() + "\nsteps:\n  - {id: clean, python: 'mysteps:clean', after: features}\n")
    commit(root)
    assert 0 == subprocess.run([sys.executable, "-m", "headrace", "validate"], cwd=root, check=False, stdout=subprocess.DEVNULL).returncode
    return root


def test_a_step_whose_function_was_renamed(capsys: pytest.CaptureFixture[str], stepped: Path) -> None:
    (stepped / "mysteps.py").write_text("def cleaned(rows):\n    return rows\n")
    code, out, _ = run(capsys, stepped, "--changed", "--json")
    found = json.loads(out)
    assert (3, [("unknown-function", "specs/employment.yaml")], "ml/mysteps.py was changed") == (code, ids(out), found["because"])


@pytest.mark.parametrize("name", ["a", "b"])
def test_a_plugin_that_was_changed_or_is_new(capsys: pytest.CaptureFixture[str], stepped: Path, name: str) -> None:
    (stepped / "plugins" / f"{name}.py").write_text("raise RuntimeError\n")
    code, out, _ = run(capsys, stepped, "--changed", "--json")
    assert (3, [("plugin-failed", f"plugins/{name}.py")]) == (code, ids(out))


def test_changed_python_is_said(capsys: pytest.CaptureFixture[str], stepped: Path) -> None:
    (stepped / "mysteps.py").write_text("def clean(rows):\n    return rows.copy()\n")
    told = "No errors in 10 documents in the whole project, since ml/mysteps.py was changed.\n"
    assert (0, told, "") == run(capsys, stepped, "--changed")


def test_a_compiled_flow_changes_nothing(capsys: pytest.CaptureFixture[str], stepped: Path) -> None:
    (stepped / "flows").mkdir()
    (stepped / "flows" / "employment.py").write_text("")
    assert (0, "No errors in 0 files.\n", "") == run(capsys, stepped, "--changed")


@pytest.mark.parametrize("linked", ["the folder", "a file"])
def test_specs_that_stand_elsewhere(capsys: pytest.CaptureFixture[str], root: Path, linked: str) -> None:
    there = root.parent / "shared"
    there.mkdir()
    if linked == "the folder":
        (root / "specs").rename(there / "specs")
        (root / "specs").symlink_to(there / "specs")
    else:
        (root / "specs" / "employment.yaml").rename(there / "employment.yaml")
        (root / "specs" / "employment.yaml").symlink_to(there / "employment.yaml")
    commit(root)
    write(root, "employment.yaml", "port: 8080", "prt: 8080")
    code, out, _ = run(capsys, root, "--changed", "--json")
    assert (3, "git follows specs/ in another place") == (code, json.loads(out)["because"])


def test_specs_in_a_submodule(capsys: pytest.CaptureFixture[str], root: Path, tmp_path: Path) -> None:
    inner = tmp_path / "inner"
    inner.mkdir()
    git(inner, "init", "-q")
    (root / "specs").rename(inner / "specs")
    commit(inner)
    (root / "specs").symlink_to(inner / "specs")
    commit(root)
    write(root, "employment.yaml", "port: 8080", "prt: 8080")
    assert 3 == run(capsys, root, "--changed")[0]


def test_a_code_host_is_told_the_file_as_the_repository_names_it(capsys: pytest.CaptureFixture[str], root: Path) -> None:
    write(root, "employment.yaml", "port: 8080", "prt: 8080")
    assert "file=ml/specs/employment.yaml,line=" in run(capsys, root, "--format", "github")[1]
    (result,) = json.loads(run(capsys, root, "--format", "sarif")[1])["runs"][0]["results"]
    change = result["fixes"][0]["artifactChanges"][0]["artifactLocation"]
    assert "ml/specs/employment.yaml" == result["locations"][0]["physicalLocation"]["artifactLocation"]["uri"] == change["uri"]
    assert "specs/employment.yaml" == json.loads(run(capsys, root, "--json")[1])["diagnostics"][0]["file"]


def test_outside_of_a_repository_the_workspace_of_the_code_host_is_the_top(
    capsys: pytest.CaptureFixture[str], root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.rmtree(root.parent / ".git")
    write(root, "employment.yaml", "port: 8080", "prt: 8080")
    told = []
    for workspace in (root.parent, root, root / "specs"):
        monkeypatch.setenv("GITHUB_WORKSPACE", str(workspace))
        told.append(run(capsys, root, "--format", "github")[1].partition("file=")[2].partition(",")[0])
    assert ["ml/specs/employment.yaml", "specs/employment.yaml", "specs/employment.yaml"] == told


@pytest.mark.parametrize("text", ["def headrace_metrics():\n    pass\n", "def (:\n", "import os\nraise RuntimeError\n"])
def test_a_plugins_fault_names_its_file_as_the_project_does(
    capsys: pytest.CaptureFixture[str], root: Path, monkeypatch: pytest.MonkeyPatch, text: str
) -> None:
    (root / "plugins").mkdir()
    (root / "plugins" / "a.py").write_text(text)
    monkeypatch.chdir(root)
    (found,) = json.loads(run(capsys, Path(), "--json")[1])["diagnostics"]
    line = 1 + text.count("\nraise")
    assert ("plugins/a.py", line) == (found["file"], found["range"]["start"]["line"])


def test_since_a_branch(capsys: pytest.CaptureFixture[str], root: Path) -> None:
    git(root, "switch", "-q", "-c", "topic")
    write(root, "employment.yaml", "port: 8080", "prt: 8080")
    commit(root)
    assert [0, 3] == [run(capsys, root, *arguments)[0] for arguments in (["--changed"], ["--since", "main"])]


def test_before_the_first_commit_all_is_new(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    shutil.copytree(ROOT / "tests" / "plan" / "reference" / "specs", tmp_path / "specs")
    git(tmp_path, "init", "-q")
    assert (0, "No errors in 6 files.\n", "") == run(capsys, tmp_path, "--changed")


def test_outside_of_a_repository(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    shutil.copytree(ROOT / "tests" / "plan" / "reference" / "specs", tmp_path / "specs")
    code, _, err = run(capsys, tmp_path, "--changed")
    assert (1, "error[no-repository]") == (code, err.split(":")[0])


def test_without_git(capsys: pytest.CaptureFixture[str], root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(root))
    code, _, err = run(capsys, root, "--changed")
    assert (1, True) == (code, "git is not installed" in err)


@pytest.mark.parametrize("revision", ["nowhere", "--output=x"])
def test_a_revision_that_is_none(capsys: pytest.CaptureFixture[str], root: Path, revision: str) -> None:
    code, _, err = run(capsys, root, f"--since={revision}")
    assert (64, "error[unknown-revision]") == (code, err.split(":")[0])


def test_named_files(capsys: pytest.CaptureFixture[str], root: Path) -> None:
    write(root, "employment.yaml", "port: 8080", "prt: 8080")
    told = [run(capsys, root, str(root / "specs" / name))[0] for name in ("employment.yaml", "channels.yaml")]
    assert [3, 0] == told


@pytest.mark.parametrize(
    ("name", "says"), [("specs/emploiment.yaml", "Did you mean `specs/employment.yaml`?"), ("/etc/hostname", "is no spec")]
)
def test_a_file_that_is_no_spec(capsys: pytest.CaptureFixture[str], root: Path, name: str, says: str) -> None:
    code, _, err = run(capsys, root, name)
    assert (64, True) == (code, says in err)


def test_files_and_changes_are_two_ways_to_say_it(capsys: pytest.CaptureFixture[str], root: Path) -> None:
    assert 64 == run(capsys, root, "--changed", "specs/channels.yaml")[0]


def test_git_that_fails_is_quoted(capsys: pytest.CaptureFixture[str], root: Path) -> None:
    (root.parent / ".git" / "index").write_bytes(b"no index at all")
    code, _, err = run(capsys, root, "--changed")
    assert (1, "error[git-failed]: `git diff` failed") == (code, ": ".join(err.split(": ")[:2]))
