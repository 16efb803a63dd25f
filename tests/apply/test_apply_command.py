from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from headrace.cli import main
from headrace.diagnostics import Exit
from headrace.local.prefect_server import free_port
from headrace.store import lock

REFERENCE = Path(__file__).parents[1] / "plan" / "reference" / "specs"


@pytest.fixture
def headrace(monkeypatch, capsys):
    def run(*arguments: str) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["headrace", *arguments])
        with pytest.raises(SystemExit) as ended:
            main(arguments)
        told = capsys.readouterr()
        return int(ended.value.code), told.out, told.err

    return run


@pytest.fixture
def there(place, monkeypatch):
    monkeypatch.setenv("PREFECT_API_URL", place.door.url)
    return place


@pytest.mark.slow
@pytest.mark.prefect
def test_plan_apply_plan(there, headrace, tmp_path):
    root = ("--root", str(there.root))
    written = str(tmp_path / "plan.json")
    assert headrace("plan", *root, "--detailed-exitcode", "--out", written)[0] == Exit.CHANGES
    code, out, _ = headrace("apply", *root, written, "--json")
    result = json.loads(out)
    assert code == Exit.OK
    assert [run["model"] for run in result["runs"]] == ["employment"]
    assert headrace("plan", *root, "--detailed-exitcode") == (Exit.OK, "Plan: no changes. 10 unchanged.\n", "")
    code, _, err = headrace("apply", *root, written)
    assert (code, "plan-stale" in err) == (Exit.STALE, True)
    assert headrace("apply", *root)[:2] == (Exit.OK, "Nothing to apply.\n")


@pytest.mark.slow
@pytest.mark.prefect
def test_a_store_that_was_lost_is_no_new_project(there, headrace):
    root = ("--root", str(there.root))
    assert headrace("apply", *root, "--no-train", "--yes")[0] == Exit.OK
    there.store.close()
    for path in (there.root / ".headrace").glob("state.db*"):
        path.unlink()
    said = f".headrace/state.db records nothing, and Prefect holds 4 deployments of this project, applied from {there.root}."
    for command in ("plan", "status"):  # the second makes an empty store, and the third finds it
        code, out, _ = headrace(command, *root)
        assert (code, f"note: {said}" in out) == (Exit.OK, True)
    assert json.loads(headrace("plan", *root, "--json")[1])["notes"][0].startswith(said)
    assert json.loads(headrace("apply", *root, "--no-train", "--json")[1])["notes"][0].startswith(said)
    assert (json.loads(headrace("status", *root, "--json")[1])["notes"], there.plan().notes) == ([], ())


@pytest.mark.slow
@pytest.mark.prefect
def test_what_leaves_the_files_leaves_prefect_and_much_of_it_needs_a_number(there, headrace):
    root = ("--root", str(there.root))
    there.copy_model("second")
    assert headrace("apply", *root, "--no-train", "--yes")[0] == Exit.OK
    there.drop_model("second")
    code, _, err = headrace("apply", *root)
    assert (code, "1 of 2 models" in err, "--allow-prune 1" in err) == (Exit.REFUSED, True, True)
    code, out, _ = headrace("apply", *root, "--allow-prune", "1")
    assert (code, "delete deployment second/train" in out) == (Exit.OK, True)
    assert there.door.runs("SCHEDULED", deployment="employment/train") == []
    for file in ("employment.yaml", "replay.yaml", "features.yaml"):
        (there.root / "specs" / file).unlink()
    code, _, err = headrace("apply", *root)
    assert (code, "--allow-prune 3" in err) == (Exit.REFUSED, True)
    code, out, _ = headrace("apply", *root, "--allow-prune", "3")
    assert (code, "delete deployment employment/train" in out) == (Exit.OK, True)


@pytest.mark.slow
@pytest.mark.prefect
def test_a_lock_that_is_held_is_told_and_can_be_taken_away(there, headrace):
    root = ("--root", str(there.root))
    with lock.hold(there.store, "apply", "user:other"):
        code, _, err = headrace("apply", *root)
        assert (code, "user:other" in err) == (Exit.LOCKED, True)
        held = lock.held(there.store, "apply")
        assert headrace("unlock", held.id, *root)[:2] == (Exit.OK, f"Lock {held.id} is gone.\n")
    assert headrace("unlock", held.id, *root)[0] == Exit.USAGE


@pytest.mark.slow
@pytest.mark.prefect
def test_of_two_applies_at_once_one_wins(there):
    command = [sys.executable, "-m", "headrace", "apply", "--root", str(there.root), "--no-train"]
    both = [subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) for _ in range(2)]
    codes = sorted(process.wait(120) for process in both)
    for process in both:
        process.communicate()
    # The loser was locked out, or came when all was done.
    assert codes in ([Exit.OK, Exit.LOCKED], [Exit.OK, Exit.OK])
    assert there.plan().empty or [t.model for t in there.plan().train] == ["employment"]


@pytest.mark.slow
@pytest.mark.prefect
def test_waiting_says_how_a_training_ended(there, headrace, worker):
    path = there.root / "specs" / "sources.yaml"
    source = next(source for source in there.project().sources if source.name == "census")
    (there.root / "rows.csv").write_text(",".join(item.from_ or name for name, item in source.columns.items()) + "\n")
    path.write_text(path.read_text().replace(source.uri, "rows.csv", 1))
    code, _, err = headrace("apply", "--root", str(there.root), "--wait")
    assert (code, "run-failed" in err) == (Exit.FAILED, True)
    (run,) = there.door.runs(deployment="employment/train")
    assert (run.type, run.message in err, "has no rows" in run.message) == ("FAILED", True, True)


def test_a_plan_with_prefect_away_is_made_and_an_apply_is_not(tmp_path, headrace, monkeypatch):
    shutil.copytree(REFERENCE, tmp_path / "specs")
    monkeypatch.setenv("PREFECT_API_URL", f"http://127.0.0.1:{free_port()}/api")
    root = ("--root", str(tmp_path))
    code, out, err = headrace("plan", *root)
    assert (code, "observed: unknown" in out, "does not answer" in err) == (Exit.OK, True, True)
    assert not (tmp_path / ".headrace").exists()
    code, _, err = headrace("apply", *root)
    assert (code, "prefect-away" in err) == (Exit.FAILED, True)


def test_a_file_that_is_no_plan_is_refused(tmp_path, headrace):
    shutil.copytree(REFERENCE, tmp_path / "specs")
    (tmp_path / "plan.json").write_text("[]")
    code, _, err = headrace("apply", "--root", str(tmp_path), str(tmp_path / "plan.json"))
    assert (code, "no-plan" in err) == (Exit.USAGE, True)
