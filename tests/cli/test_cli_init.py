"""What `headrace init` writes for git and for GitHub is valid, runs, and asks what it says."""

import json
import os
import re
import shlex
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

import click
import pytest
import yaml

from headrace import __version__
from headrace.cli import headrace, main
from headrace.cli.init import CI, FILES

ROOT = Path(__file__).parents[2]
HOOKS = ".pre-commit-config.yaml"
WORKFLOW = ".github/workflows/headrace.yaml"


def init(capsys: pytest.CaptureFixture[str], folder: Path, *options: str) -> dict[str, Any]:
    with pytest.raises(SystemExit) as end:
        main(["init", str(folder), "--name", "shop", "--json", *options])
    told = capsys.readouterr()
    assert 0 == end.value.code, told.err
    result: dict[str, Any] = json.loads(told.out)
    return result


def run(root: Path, *command: str, **env: str) -> subprocess.CompletedProcess[str]:
    path = os.pathsep.join(filter(None, [env.pop("BESIDE", ""), str(Path(sys.executable).parent), os.environ["PATH"]]))
    return subprocess.run(command, cwd=root, env=os.environ | env | {"PATH": path}, capture_output=True, text=True, check=False)


def document(root: Path, path: str) -> dict[str, Any]:
    """A file as its readers read it: GitHub takes `on` for a word, as YAML 1.2 does."""
    loaded: dict[str, Any] = yaml.load((root / path).read_text(), Loader=yaml.BaseLoader)  # noqa: S506 - it makes texts only
    return loaded


def steps(root: Path, job: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = document(root, WORKFLOW)["jobs"][job]["steps"]
    return found


def commands(root: Path, job: str) -> list[str]:
    """What a job types of this program, as a shell reads it."""
    return [step["run"] for step in steps(root, job) if step.get("run", "").startswith("headrace ")]


def test_init_writes_the_hooks_and_the_workflow(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    assert {*FILES, *CI} <= set(init(capsys, tmp_path)["written"])
    assert {HOOKS, WORKFLOW} == set(CI)
    assert all((tmp_path / path).is_file() for path in CI)


def test_init_leaves_them_out_where_it_is_told_to(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    written = init(capsys, tmp_path, "--no-ci")["written"]
    assert set() == set(CI) & set(written)
    assert not (tmp_path / ".github").exists()
    assert not (tmp_path / HOOKS).exists()


def test_init_overwrites_nothing(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    mine = [".gitignore", HOOKS, WORKFLOW]
    for path in mine:
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text("# mine\n")
    assert mine == init(capsys, tmp_path)["kept"]
    assert ["# mine\n"] * 3 == [(tmp_path / path).read_text() for path in mine]


def test_no_mark_of_a_template_is_left(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    init(capsys, tmp_path)
    assert [] == [path for path in (*FILES, *CI) if re.search(r"@[A-Z]+@", (tmp_path / path).read_text())]


def test_git_refuses_a_wrong_spec_and_a_stale_flow_and_takes_what_is_right(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    init(capsys, tmp_path)
    env = {"PRE_COMMIT_HOME": str(tmp_path / ".headrace" / "pre-commit"), "GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_NOSYSTEM": "1"}
    env |= {f"GIT_{who}_{what}": "a@example.com" for who in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")}

    def commit() -> tuple[bool, str]:
        assert 0 == run(tmp_path, "git", "add", "-A", **env).returncode
        done = run(tmp_path, "git", "commit", "-m", "x", **env)
        return done.returncode == 0, done.stdout + done.stderr

    assert 0 == run(tmp_path, "git", "init", "-q", "-b", "main", **env).returncode
    installed = run(tmp_path, "pre-commit", "install", **env)
    assert 0 == installed.returncode, installed.stdout + installed.stderr

    taken, told = commit()
    assert taken, told

    spec = tmp_path / "specs" / "employment.yaml"
    right = spec.read_text()
    spec.write_text(right.replace("metric: roc_auc", "metric: roc_acu"))
    taken, told = commit()
    assert (False, True) == (taken, "did you mean `roc_auc`?" in told.lower()), told

    spec.write_text(right.replace("n_estimators: 100", "n_estimators: 120"))
    assert 0 == run(tmp_path, "headrace", "compile").returncode
    taken, told = commit()
    assert taken, told

    (tmp_path / "specs" / "sources.yaml").unlink()
    taken, told = commit()
    assert (False, True) == (taken, "error[" in told), told


def test_the_workflow_asks_before_a_merge_and_applies_after_it(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    init(capsys, tmp_path)
    flow = document(tmp_path, WORKFLOW)
    assert {"pull_request": "", "push": {"branches": ["main"]}} == flow["on"]
    assert ["headrace validate --format github", "headrace compile --check", "headrace plan > plan.txt"] == commands(tmp_path, "review")
    assert ["headrace apply"] == commands(tmp_path, "apply")
    assert "github.event_name == 'pull_request'" == flow["jobs"]["review"]["if"]
    assert flow["jobs"]["apply"]["if"].startswith("github.event_name == 'push' && ")
    installs = [
        step["run"].partition(" #")[0].strip() for job in flow["jobs"] for step in steps(tmp_path, job) if "pip" in step.get("run", "")
    ]
    assert [f"pip install headrace=={__version__}"] * 2 == installs


def test_the_workflow_may_do_no_more_than_it_must(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    init(capsys, tmp_path)
    flow = document(tmp_path, WORKFLOW)
    assert {"contents": "read"} == flow["permissions"]
    assert {"contents": "read", "pull-requests": "write"} == flow["jobs"]["review"]["permissions"]
    assert "permissions" not in flow["jobs"]["apply"]
    every = [step for job in flow["jobs"] for step in steps(tmp_path, job)]
    assert {"false"} == {step["with"]["persist-credentials"] for step in every if "checkout" in step.get("uses", "")}
    assert ["${{ github.token }}"] == [step["env"]["GH_TOKEN"] for step in every if "GH_TOKEN" in step.get("env", {})]
    # What a pull request is called is text of a stranger: none of it stands in a script.
    assert [] == [step["run"] for step in every if "${{" in step.get("run", "")]


def test_each_command_of_the_workflow_takes_its_options(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    init(capsys, tmp_path)
    for line in [*commands(tmp_path, "review"), *commands(tmp_path, "apply")]:
        _, name, *arguments = shlex.split(line.partition(" > ")[0])
        command = headrace.get_command(click.Context(headrace), name)
        assert command is not None, line
        command.make_context(name, arguments)


def test_the_review_runs_and_posts_the_plan_once(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    init(capsys, tmp_path)
    assert 0 == run(tmp_path, "headrace", "compile").returncode
    for line in commands(tmp_path, "review"):
        done = run(tmp_path, "bash", "-e", "-c", line)
        assert 0 == done.returncode, done.stdout + done.stderr
    post = next(step for step in steps(tmp_path, "review") if "GH_TOKEN" in step.get("env", {}))

    # GitHub is not here: a `gh` that notes what it is asked, and knows one comment where the test says so.
    beside = tmp_path / "beside"
    beside.mkdir()
    (beside / "gh").write_text('#!/bin/sh\nprintf "%s\\n" "$*" >> asked.txt\ncase "$*" in *--paginate*) printf "$KNOWN" ;; esac\n')
    (beside / "gh").chmod(0o755)

    def asked(known: str) -> list[str]:
        (tmp_path / "asked.txt").unlink(missing_ok=True)
        env = {"BESIDE": str(beside), "GITHUB_REPOSITORY": "shop/ml", "NUMBER": "7", "KNOWN": known}
        done = run(tmp_path, "bash", "-e", "-c", post["run"], **env)
        assert 0 == done.returncode, done.stdout + done.stderr
        return [line for line in (tmp_path / "asked.txt").read_text().splitlines() if "select(" not in line and "--paginate" not in line]

    assert ["pr comment 7 --body-file comment.md"] == asked("")
    assert ["api --silent --method PATCH repos/shop/ml/issues/comments/41 --field body=@comment.md"] == asked("41\\n42\\n")
    comment = (tmp_path / "comment.md").read_text()
    plan = (tmp_path / "plan.txt").read_text()
    assert "+ model/employment" in plan
    assert f"<!-- headrace plan -->\nWhat merging this would do:\n````text\n{plan}````\n" == comment


@pytest.mark.slow
def test_the_wheel_holds_every_text(tmp_path: Path) -> None:
    build = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(tmp_path)]
    subprocess.run(build, cwd=ROOT, check=True, capture_output=True)
    (wheel,) = tmp_path.glob("*.whl")
    with zipfile.ZipFile(wheel) as file:
        names = set(file.namelist())
    wanted = {f"headrace/cli/project/{name}.txt" for name in (FILES | CI).values()}
    assert set() == wanted - names
    assert {f"headrace/cli/project/{path.name}" for path in (ROOT / "framework/headrace/cli/project").iterdir()} == wanted


def test_a_fresh_clone_gets_its_schema_from_whoever_looks_at_the_specs_first(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    """And again where it is another release's, or of other plugins; what an editor lacks ends nothing."""
    init(capsys, tmp_path)
    path = tmp_path / ".headrace" / "schema.json"
    first = path.read_bytes()

    def looked(*command: str) -> bytes:
        with pytest.raises(SystemExit) as end:
            main([*command, "--root", str(tmp_path)])
        assert 0 == end.value.code
        return path.read_bytes()

    def anew(*command: str) -> bytes:
        path.unlink()
        return looked(*command)

    assert [first] * 3 == [anew("validate"), anew("compile"), anew("plan")]
    path.write_bytes(first.replace(b"headrace 0", b"headrace 9"))
    assert first == looked("validate")

    with pytest.raises(SystemExit):
        main(["plugins", "new", "dear", "--root", str(tmp_path)])
    assert b"dear" in looked("validate")

    path.unlink()
    path.mkdir()
    with pytest.raises(SystemExit) as end:
        main(["validate", "--root", str(tmp_path)])
    assert 0 == end.value.code


def test_a_project_whose_specs_name_no_schema_gets_none(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    init(capsys, tmp_path)
    for spec in (tmp_path / "specs").iterdir():
        spec.write_text(spec.read_text().partition("\n")[2])
    (tmp_path / ".headrace" / "schema.json").unlink()
    with pytest.raises(SystemExit):
        main(["validate", "--root", str(tmp_path)])
    assert not (tmp_path / ".headrace" / "schema.json").exists()
