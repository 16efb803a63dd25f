"""The tutorial, typed as it stands: every command, every file, and what it says is printed."""

import re
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[1] / "local"))

from up_process import free_port, headrace, running

TUTORIAL = Path(__file__).parents[2] / "framework" / "docs" / "tutorials" / "your-own-metric.md"
BLOCKS = re.findall(r"^```(.*?)\n(.*?)^```$", TUTORIAL.read_text(encoding="utf-8"), flags=re.MULTILINE | re.DOTALL)


def typed(root: Path, text: str) -> str:
    """What the commands of a block print."""
    printed = ""
    for line in text.splitlines():
        name, *arguments = line.split()
        assert name == "headrace"
        done = headrace(root, *arguments)
        assert 0 == done.returncode, f"{line}\n{done.stdout}{done.stderr}"
        printed += done.stdout
    return printed


def written(path: Path, text: str) -> None:
    """A whole file, or, of one that is there, the section that begins as the text does."""
    key = text.partition(":")[0]
    if path.suffix == ".yaml" and path.exists():
        text = re.sub(rf"^{key}:\n(  .*\n)+", lambda _: text, path.read_text(), flags=re.MULTILINE)
    path.write_text(text)


def walk(root: Path, blocks: list[tuple[str, str]]) -> str:
    """Blocks one after another; what the last command printed."""
    printed = ""
    for info, text in blocks:
        match info.split(maxsplit=1):
            case ["sh"]:
                printed = typed(root, text)
            case ["text"]:
                assert [] == [line for line in text.splitlines() if line not in printed], printed
            case ["python", title]:
                written(root / title.removeprefix("title=").strip('"'), text)
            case ["yaml", _]:
                written(root / "specs" / "employment.yaml", text)
            case _:
                raise AssertionError(info)
    return printed


def background() -> int:
    (position,) = (i for i, (info, _) in enumerate(BLOCKS) if info == "sh background")
    return position


@pytest.mark.slow
def test_the_metric_is_written_checked_and_compiled(tmp_path: Path) -> None:
    walk(tmp_path, BLOCKS[: background()])
    slip = tmp_path / "specs" / "employment.yaml"
    slip.write_text(slip.read_text().replace("metric: cost", "metric: cots"))
    done = headrace(tmp_path, "validate")
    assert (3, True) == (done.returncode, "did you mean `cost`?" in done.stderr + done.stdout)


@pytest.mark.slow
@pytest.mark.prefect
@pytest.mark.timeout(600)
def test_the_whole_tutorial(tmp_path: Path) -> None:
    walk(tmp_path, BLOCKS[: background()])
    assert BLOCKS[background()][1].split() == ["headrace", "up"]
    model = tmp_path / "specs" / "employment.yaml"
    model.write_text(re.sub(r"port: \d+", f"port: {free_port()}", model.read_text()))
    typed(tmp_path, "headrace compile")
    with running(tmp_path) as up:
        up.has("prefect-server", "prefect-worker")
        printed = walk(tmp_path, BLOCKS[background() + 1 :])
    assert '"metric": "cost"' in printed
