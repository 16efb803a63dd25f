"""`headrace plugins`: what there is, a new one that works at the first run, and what is broken."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from headrace.cli import main
from headrace.cli.plugins import WORDS
from headrace.hooks import AXES


@pytest.fixture
def headrace(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    """Run a command in a project of its own; its code, result and stderr."""

    def run(*arguments: str) -> tuple[int, dict, str]:
        with pytest.raises(SystemExit) as end:
            main(["plugins", *arguments, "--root", str(tmp_path), "--json"])
        told = capsys.readouterr()
        out = json.loads(told.out) if told.out else {}
        return int(end.value.code or 0), out, told.err

    run.root = tmp_path
    return run


def test_the_words_are_the_axes() -> None:
    assert tuple(axis.word for axis in AXES) == WORDS


def test_what_is_built_in_is_listed(headrace) -> None:
    code, result, _ = headrace("list", "--axis", "metric")
    assert (0, {"axis": "metric", "name": "roc_auc", "plugin": "headrace", "kind": "builtin"}) == (
        code,
        {k: v for k, v in next(item for item in result["registered"] if item["name"] == "roc_auc").items() if k != "version"},
    )


def test_what_is_switched_off_is_listed_with_its_line(headrace, capsys) -> None:
    (headrace.root / "plugins").mkdir()
    (headrace.root / "plugins" / "bad.py").write_text("import os\nraise RuntimeError('no')\n")
    _, result, _ = headrace("list")
    assert [("plugins/bad.py", "cannot be loaded: RuntimeError: no", "plugins/bad.py:2")] == [
        (off["plugin"], off["why"], off["place"]) for off in result["off"]
    ]
    with pytest.raises(SystemExit):
        main(["plugins", "list", "--root", str(headrace.root)])
    assert "plugins/bad.py: cannot be loaded: RuntimeError: no (plugins/bad.py:2)" in capsys.readouterr().out


@pytest.mark.parametrize("axis", WORDS)
def test_a_new_plugin_works_at_the_first_run(headrace, axis: str) -> None:
    code, result, _ = headrace("new", "my-own", "--axis", axis)
    assert (0, ["plugins/my_own.py"]) == (code, result["written"])
    code, result, err = headrace("check", "my_own")
    assert (0, True, [(axis, [])]) == (code, result["passed"], [(item["axis"], item["broken"]) for item in result["checked"]]), err


@pytest.mark.slow
@pytest.mark.parametrize("axis", WORDS)
def test_a_new_package_passes_its_own_tests(headrace, axis: str) -> None:
    code, result, _ = headrace("new", "my_own", "--axis", axis, "--package")
    assert (0, "headrace-my-own/pyproject.toml" in result["written"]) == (code, True)
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider"],
        cwd=headrace.root / "headrace-my-own",
        capture_output=True,
        text=True,
        check=False,
    )
    assert (0, True) == (done.returncode, "1 passed" in done.stdout), done.stdout


def test_nothing_is_written_over(headrace) -> None:
    headrace("new", "mine")
    code, _, _ = headrace("new", "mine", "--axis", "rule")
    assert (4, True) == (code, "headrace_metrics" in (headrace.root / "plugins" / "mine.py").read_text())


@pytest.mark.parametrize("name", ["My", "../x", "", "a b", "x" * 41])
def test_a_name_that_is_none(headrace, name: str) -> None:
    assert 64 == headrace("new", name)[0]


def test_a_broken_promise_ends_with_4(headrace) -> None:
    headrace("new", "mine")
    file = headrace.root / "plugins" / "mine.py"
    file.write_text(file.read_text().replace('better="lower"', 'better="higher"'))
    code, result, _ = headrace("check", "mine")
    ((broken,),) = [item["broken"] for item in result["checked"]]
    assert (4, "direction") == (code, broken["check"])
    assert "it says that higher is better, and yet perfect predictions give 0 and the opposite 3" == broken["says"]


def test_a_plugin_that_does_not_load_ends_with_4(headrace) -> None:
    (headrace.root / "plugins").mkdir()
    (headrace.root / "plugins" / "bad.py").write_text("raise RuntimeError('no')\n")
    code, result, _ = headrace("check", "bad")
    assert (4, ["cannot be loaded: RuntimeError: no"]) == (code, [off["why"] for off in result["failed"]])


def test_an_unknown_name_gets_a_suggestion(headrace, capsys) -> None:
    with pytest.raises(SystemExit) as end:
        main(["plugins", "check", "roc_acu", "--root", str(headrace.root)])
    told = capsys.readouterr().err
    assert (64, True, True) == (end.value.code, "unknown-plugin" in told, "roc_auc" in told)


def test_a_denied_plugin_is_listed_with_its_reason(headrace) -> None:
    (headrace.root / "plugins").mkdir()
    (headrace.root / "plugins" / "mine.py").write_text("raise RuntimeError\n")
    (headrace.root / "specs").mkdir()
    (headrace.root / "specs" / "a.yaml").write_text("kind: project\nname: p\nlanguage: 1\nplugins: {deny: [plugins/mine.py]}\n")
    _, result, _ = headrace("list")
    assert ["`plugins.deny` in headrace.yaml names it"] == [off["why"] for off in result["off"]]


def test_a_new_plugin_writes_over_none(headrace) -> None:
    assert 0 == headrace("new", "cost")[0]
    mine = headrace.root / "plugins" / "cost.py"
    mine.write_text("# mine\n")
    code, _, err = headrace("new", "cost")
    assert (4, True, "# mine\n") == (code, "error[plugin-exists]" in err, mine.read_text())


LOUD = """import os
from headrace.hooks import Metric, hookimpl


def compute(target, prediction):
    print("counting")
    os.write(2, b"a library moans\\n")
    {fault}
    return float(((target - prediction) ** 2).mean())


@hookimpl
def headrace_metrics() -> list[Metric]:
    return [Metric(name="loud", compute=f"{{__name__}}:compute", better="lower", needs="probability", range=(0.0, 1.0))]
"""


def loud(root: Path, fault: str, *options: str) -> subprocess.CompletedProcess[str]:
    (root / "plugins").mkdir()
    (root / "plugins" / "loud.py").write_text(LOUD.format(fault=fault))
    command = [sys.executable, "-m", "headrace", "plugins", "check", "loud", "--root", str(root), *options]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_what_a_sound_plugin_prints_meanwhile_is_no_result(tmp_path: Path) -> None:
    done = loud(tmp_path, "pass", "--json")
    assert (0, "", {"counting", "a library moans"}) == (done.returncode, done.stderr, set(json.loads(done.stdout)["checked"][0]["printed"]))


def test_what_a_broken_plugin_prints_stands_beside_its_fault(tmp_path: Path) -> None:
    done = loud(tmp_path, "raise RuntimeError('no')")
    assert (4, "", True, True) == (done.returncode, done.stderr, "no" in done.stdout, "printed: a library moans" in done.stdout)


def test_the_crash_of_a_plugin_in_c_is_seen_with_its_line(tmp_path: Path) -> None:
    done = loud(tmp_path, "import ctypes; ctypes.string_at(0)")
    assert (True, True) == (done.returncode < 0, "loud.py" in done.stderr)


def test_what_is_built_in_is_checked_without_a_word_beside(tmp_path: Path) -> None:
    """LightGBM speaks by itself where it is handed a file that is none."""
    command = [sys.executable, "-m", "headrace", "plugins", "check", "lightgbm.classifier", "--root", str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (0, "", "ok      algorithm `lightgbm.classifier` (built in)") == (done.returncode, done.stderr, done.stdout.splitlines()[0])


@pytest.mark.parametrize(
    ("given", "axis", "typed"),
    [
        ("naive.gaussian", "algorithm", "headrace plugins new naive-gaussian --axis algorithm"),
        ("house/fair", "rule", "headrace plugins new house-fair --axis rule"),
        ("Foo_Bar", "metric", "headrace plugins new foo-bar"),
        ("...", "gate", "headrace plugins new cost --axis gate"),
    ],
)
def test_a_bad_name_is_answered_with_a_good_one(headrace, capsys, given: str, axis: str, typed: str) -> None:
    with pytest.raises(SystemExit):
        main(["plugins", "new", given, "--axis", axis, "--root", str(headrace.root)])
    assert f"type `{typed}`" in capsys.readouterr().err
    assert 0 == headrace("new", *typed.split()[3:])[0]


def test_a_broken_plugin_that_nobody_asked_about_is_one_line(headrace, capsys) -> None:
    headrace("new", "cost")
    (headrace.root / "plugins" / "bad.py").write_text("raise RuntimeError('no')\n")
    with pytest.raises(SystemExit) as end:
        main(["plugins", "check", "cost", "--root", str(headrace.root)])
    assert (0, "plugin `plugins/bad.py` takes no part: `headrace plugins check bad` tells why\n") == (
        end.value.code or 0,
        capsys.readouterr().err,
    )
    with pytest.raises(SystemExit) as end:
        main(["plugins", "check", "bad", "--root", str(headrace.root)])
    assert 4 == end.value.code
    assert "cannot be loaded: RuntimeError: no" in capsys.readouterr().err


def test_explain_names_the_plugin_that_takes_no_part(headrace, capsys) -> None:
    (headrace.root / "specs").mkdir()
    (headrace.root / "specs" / "headrace.yaml").write_text("kind: project\nname: a\nlanguage: 1\n")
    headrace("new", "level", "--axis", "gate")
    file = headrace.root / "plugins" / "level.py"
    file.write_text(file.read_text().replace("Gate(", 'Gate(asks="baseline", '))
    with pytest.raises(SystemExit):
        main(["explain", "level", "--root", str(headrace.root)])
    assert "plugin `plugins/level.py` takes no part: `headrace plugins check level` tells why" in capsys.readouterr().err


def test_a_reader_of_a_usual_format_is_tried_on_a_file_and_another_is_said_not_to_be(headrace) -> None:
    headrace("new", "lines", "--axis", "reader")
    assert [([], None)] == [(item["broken"], item["left"]) for item in headrace("check", "lines")[1]["checked"]]
    file = headrace.root / "plugins" / "lines.py"
    file.write_text(file.read_text().replace('".tsv"', '".other"'))
    (checked,) = headrace("check", "lines")[1]["checked"]
    assert "no file of its format was read" in checked["left"]
