"""`headrace experiment analyse` on a compiled project: text, JSON, a page, a moment, and what is wrong."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from observed_world import DAY, HOUR, START, World, declared

from headrace.cli import main
from headrace.hooks import Plugins
from headrace.store import Store

FLOWS = Path(__file__).parents[1] / "golden" / "answering" / "flows"
MODEL = "buys-guarded"


@pytest.fixture
def root(tmp_path: Path, plugins: Plugins) -> Path:
    """A compiled project in which an experiment runs: a third of the candidate's units came back, and a tenth of the champion's."""
    (tmp_path / "flows").mkdir()
    for name in ("headrace.json", f"{MODEL}.serving.json"):
        shutil.copy(FLOWS / name, tmp_path / "flows")
    store = Store.open("sqlite:///.headrace/state.db", ".headrace/blobs", root=tmp_path)
    world = World(store, plugins, model=MODEL)
    units = [(f"{arm}-{n}", arm, n) for arm in ("champion", "candidate") for n in range(600)]
    world.put(*(world.asked(unit, arm, inputs={"town": "Bern" if n % 2 else "Chur"}) for unit, arm, n in units))
    world.told(*((unit, 1, START + HOUR) for unit, arm, n in units if n < (200 if arm == "candidate" else 60)))
    world.row.declared = declared().to_json()
    with store.transaction("user:test", "declare", "experiment/e1") as session:
        session.merge(world.row)
    store.close()
    return tmp_path


def run(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    with pytest.raises(SystemExit) as end:
        main(["experiment", "analyse", *arguments])
    said = capsys.readouterr()
    return int(end.value.code or 0), said.out, said.err


def test_what_an_experiment_shows_is_told_in_text_json_and_a_page(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    at = ("--root", str(root), "--as-of", (START + 2 * DAY + HOUR).isoformat())
    code, text, _ = run(capsys, MODEL, *at, "--segment", "town")
    _, told, _ = run(capsys, f"model/{MODEL}", *at, "--json")
    page = root / "experiment.html"
    _, nothing, wrote = run(capsys, MODEL, *at, "--report", str(page))

    assert (0, True) == (code, text.startswith(f"model/{MODEL} experiment 1 in dev: win")), text
    assert "A winner. Candidate is better on retained by +0.2333" in text
    assert "town=Bern" in text
    assert ("win", {"champion": 600, "candidate": 600}) == ((found := json.loads(told))["verdict"], found["units"])
    assert ("", True, True) == (nothing, "wrote" in wrote, "<svg" in page.read_text())


def test_an_earlier_moment_knows_less(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    _, told, _ = run(capsys, MODEL, "--root", str(root), "--as-of", (START + DAY).isoformat(), "--json")

    assert "no_data" == json.loads(told)["verdict"]


@pytest.mark.parametrize(
    ("arguments", "code", "says"),
    [
        ((MODEL, "--experiment", "2"), 1, "error[no-experiment]: model/buys-guarded has had no experiment 2"),
        ((MODEL, "--as-of", "Monday"), 64, "is no time such as"),
    ],
)
def test_what_is_not_there_is_said(
    root: Path, capsys: pytest.CaptureFixture[str], arguments: tuple[str, ...], code: int, says: str
) -> None:
    found, out, err = run(capsys, *arguments, "--root", str(root))

    assert (code, "", True) == (found, out, says in err), err
