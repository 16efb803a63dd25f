"""validate --fix: only what can be meant in one way, and nothing else of the text."""

import json
import shutil
import stat
import subprocess
from pathlib import Path

import pytest

from headrace.cli import main, mending
from headrace.diagnostics import HeadraceError
from headrace.project.mend import mend

ROOT = Path(__file__).parents[2]
WRONG = [
    ("  port: 8080", "  prt: 8080"),
    ("split: {by: random", "spilt: {by: randm"),
    ("holdout: 20%", "holdout: 20"),
    ("source/census ", "source/cenus "),
    ("drift.share > 0.05", "drift.shre > 0.05"),
    ("min: 0.85", "mn: 0.85"),
]
"""What was written, and the slip in its place."""


@pytest.fixture
def root(tmp_path: Path) -> Path:
    shutil.copytree(ROOT / "specs", tmp_path / "specs")
    return tmp_path


def spec(root: Path) -> Path:
    return root / "specs" / "employment.yaml"


def slip(root: Path, *pairs: tuple[str, str], ends: str = "\n", mark: bytes = b"") -> bytes:
    """Make the mistakes; gives the bytes that mending them should restore."""
    right = spec(root).read_text()
    wrong = right
    for before, after in pairs:
        assert before in wrong
        wrong = wrong.replace(before, after, 1)
    spec(root).write_bytes(mark + wrong.replace("\n", ends).encode())
    return mark + right.replace("\n", ends).encode()


def run(capsys: pytest.CaptureFixture[str], root: Path, *arguments: str) -> tuple[int, str, str]:
    with pytest.raises(SystemExit) as end:
        main(["validate", "--root", str(root), *arguments])
    told = capsys.readouterr()
    assert isinstance(end.value.code, int)
    return end.value.code, told.out, told.err


@pytest.mark.parametrize(("ends", "mark"), [("\n", b""), ("\r\n", b"\xef\xbb\xbf")])
def test_several_slips_are_mended_byte_for_byte(capsys: pytest.CaptureFixture[str], root: Path, ends: str, mark: bytes) -> None:
    right = slip(root, *WRONG, ends=ends, mark=mark)
    code, out, _ = run(capsys, root, "--fix")
    assert (0, right, "7 faults fixed. No errors are left.") == (code, spec(root).read_bytes(), out.splitlines()[-1])


def test_rights_stay(root: Path) -> None:
    slip(root, WRONG[0])
    spec(root).chmod(0o640)
    found = mend(root)
    mending.write(root, found.before, found.after)
    assert 0o640 == stat.S_IMODE(spec(root).stat().st_mode)
    assert [] == [path for path in (root / "specs").iterdir() if path.name.startswith(".")]


def test_what_could_be_meant_in_two_ways_stays(capsys: pytest.CaptureFixture[str], root: Path) -> None:
    """A time without its unit, a word that is like none, a name one digit away from another."""
    slip(root, ("delay: 30d", "delay: 30"), ("person: all", "persn2: all"))
    before = spec(root).read_bytes()
    code, out, _ = run(capsys, root, "--fix")
    assert (3, before, "0 faults fixed. 2 errors are left.") == (code, spec(root).read_bytes(), out.splitlines()[-1])


def test_a_key_stays_above_a_value_that_only_its_writer_can_mend(capsys: pytest.CaptureFixture[str], root: Path) -> None:
    slip(root, ("holdout: 20%", "test_size: many"))
    before = spec(root).read_bytes()
    assert "mends" not in run(capsys, root)[1]
    assert [0, before] == [len(mend(root).mended), spec(root).read_bytes()]


def test_a_misplaced_key_is_moved_with_its_comment(capsys: pytest.CaptureFixture[str], root: Path) -> None:
    whole = "  split: {by: random, holdout: 20%, stratify: target}   # by a hash of seed and entity: a row keeps its side for ever\n"
    slip(root, (whole, "  split:\n    by: random\n  holdout: 20%   # of the entities\n"))
    assert 0 == run(capsys, root, "--fix")[0]
    assert "  split:\n    by: random\n    holdout: 20%   # of the entities\n  seed: 7" in spec(root).read_text()


def test_a_key_of_another_section_is_told_and_not_moved(capsys: pytest.CaptureFixture[str], root: Path) -> None:
    """Who wrote it there may have meant something else by it."""
    slip(root, ("  seed: 7\n", ""), ("serving:\n", "serving:\n  seed: 7   # of the split\n"))
    before = spec(root).read_bytes()
    code, out, _ = run(capsys, root, "--fix")
    assert (3, True, before) == (code, "misplaced-key" in out, spec(root).read_bytes())


def test_a_misplaced_key_within_braces_is_moved(capsys: pytest.CaptureFixture[str], root: Path) -> None:
    slip(
        root,
        ("rows: 2000}", "rows: 2000, every: 8w}"),
        ("  every: 8w                                # how often the windows are looked at\n", ""),
    )
    code, _, _ = run(capsys, root, "--fix")
    text = spec(root).read_text()
    assert (code, True) in ((0, "window: {rows: 2000}" in text), (3, "every: 8w}" in text))


def test_the_difference_is_printed_and_nothing_written(capsys: pytest.CaptureFixture[str], root: Path) -> None:
    slip(root, WRONG[0])
    before = spec(root).read_bytes()
    code, out, _ = run(capsys, root, "--fix", "--diff")
    assert (3, before, ["-  prt: 8080", "+  port: 8080"]) == (
        code,
        spec(root).read_bytes(),
        [x for x in out.splitlines() if "  p" in x and x[0] in "+-"],
    )


@pytest.mark.parametrize("style", ["human", "concise", "github"])
def test_a_difference_goes_to_git_apply_whatever_else_is_wrong(capsys: pytest.CaptureFixture[str], root: Path, style: str) -> None:
    slip(root, WRONG[0], ("seed: 7", "seed: seven"))
    code, out, err = run(capsys, root, "--fix", "--diff", "--format", style)
    assert (3, "--- a/specs/employment.yaml", True) == (code, out.splitlines()[0], "wrong-type" in err)
    subprocess.run(["git", "apply"], cwd=root, input=out, text=True, check=True)
    assert "port: 8080" in spec(root).read_text()


def test_a_file_that_somebody_else_changed_is_left(root: Path) -> None:
    slip(root, WRONG[0])
    found = mend(root)
    spec(root).write_text("kind: model\n")
    with pytest.raises(HeadraceError, match="changed-meanwhile"):
        mending.write(root, found.before, found.after)
    assert "kind: model\n" == spec(root).read_text()


def test_broken_yaml_is_quoted_and_read_on(capsys: pytest.CaptureFixture[str], root: Path) -> None:
    slip(root, ('when: "alert.degraded"', "when: !degraded"), WRONG[0])
    code, _, _ = run(capsys, root, "--fix")
    assert (3, True, True) == (code, 'when: "!degraded"' in spec(root).read_text(), "port: 8080" in spec(root).read_text())


def test_as_json(capsys: pytest.CaptureFixture[str], root: Path) -> None:
    slip(root, WRONG[0])
    told = json.loads(run(capsys, root, "--fix", "--json")[1])
    assert (True, ["unknown-key"], []) == (told["valid"], [d["id"] for d in told["fixed"]], told["diagnostics"])
