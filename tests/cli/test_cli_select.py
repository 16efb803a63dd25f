"""`--select` and `--exclude` of validate and compile: only what is meant is told, written, checked or removed."""

import json
import shutil
from pathlib import Path

import pytest

from headrace.cli import main

ROOT = Path(__file__).parents[2]


def run(capsys: pytest.CaptureFixture[str], root: Path, *arguments: str) -> tuple[int, str, str]:
    with pytest.raises(SystemExit) as end:
        main([*arguments, "--root", str(root)])
    told = capsys.readouterr()
    assert isinstance(end.value.code, int)
    return end.value.code, told.out, told.err


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Two models of one source, one of them critical."""
    shutil.copytree(ROOT / "specs", tmp_path / "specs")
    text = (tmp_path / "specs" / "employment.yaml").read_text()
    more = text.replace("name: employment", "name: vacancy", 1).replace("port: 8080", "port: 8081")
    (tmp_path / "specs" / "employment.yaml").write_text(text.replace("{tier: reference}", "{tier: plain}"))
    (tmp_path / "specs" / "vacancy.yaml").write_text(more.replace("{tier: reference}", "{tier: critical}"))
    return tmp_path


def wrong(root: Path, name: str, *slips: tuple[str, str]) -> None:
    path = root / "specs" / f"{name}.yaml"
    text = path.read_text()
    for right, slip in slips:
        assert right in text
        text = text.replace(right, slip, 1)
    path.write_text(text)


def ids(out: str) -> list[tuple[str, str]]:
    return [(found["id"], found["file"]) for found in json.loads(out)["diagnostics"]]


def test_only_faults_of_what_is_selected_are_told(capsys: pytest.CaptureFixture[str], root: Path) -> None:
    wrong(root, "employment", ("port: 8080", "prt: 8080"))
    wrong(root, "vacancy", ("seed: 7", "seed: seven"))
    code, out, _ = run(capsys, root, "validate", "--select", "model/vacancy", "--json")
    told = json.loads(out)
    assert (3, [("wrong-type", "specs/vacancy.yaml")], ["model/vacancy"], 1) == (code, ids(out), told["selected"], told["elsewhere"])
    code, out, _ = run(capsys, root, "validate", "--select", "channel/ml-log")
    assert (0, "No errors in 1 document; 2 in what was not selected.\n") == (code, out)


@pytest.mark.parametrize(
    ("selector", "meant"),
    [
        ("vacancy", ["model/vacancy"]),
        ("kind:model", ["model/employment", "model/vacancy"]),
        ("label:tier=critical", ["model/vacancy"]),
        ("source/census+", ["model/employment", "model/vacancy"]),
    ],
)
def test_the_grammar_is_that_of_plan_in_broken_documents_too(
    capsys: pytest.CaptureFixture[str], root: Path, selector: str, meant: list[str]
) -> None:
    wrong(root, "vacancy", ("seed: 7", "seed: seven"))
    wrong(root, "employment", ("port: 8080", "prt: 8080"))
    out = run(capsys, root, "validate", "--select", selector, "--json")[1]
    assert meant == [address for address in json.loads(out)["selected"] if address.startswith("model/")]


def test_a_file_that_cannot_be_read_may_hold_what_is_selected(capsys: pytest.CaptureFixture[str], root: Path) -> None:
    (root / "specs" / "broken.yaml").write_text("kind: model\nname: [\n")
    code, out, _ = run(capsys, root, "validate", "--select", "model/vacancy", "--json")
    assert (3, {"specs/broken.yaml"}) == (code, {file for _, file in ids(out)})


def test_what_an_overlay_patches_in_it_is_told(capsys: pytest.CaptureFixture[str], root: Path) -> None:
    (root / "specs" / "overlay.yaml").write_text(
        "kind: overlay\nname: small\nenvironment: dev\npatches:\n"
        "  model/vacancy: {training: {seed: eight}}\n  model/employment: {training: {seed: nine}}\n"
    )
    out = run(capsys, root, "validate", "--select", "model/vacancy", "--json")[1]
    assert ["eight"] == [found["message"].split("`")[-2] for found in json.loads(out)["diagnostics"]]


@pytest.mark.parametrize("command", ["validate", "compile", "compile --check"])
@pytest.mark.parametrize(
    ("selector", "says"),
    [
        ("state:modified", "headrace plan --select state:modified"),
        ("model/vacncy", "did you mean `model/vacancy`?"),
        ("kind:modle", "there is no kind `modle`"),
    ],
)
def test_what_cannot_be_selected_is_refused(capsys: pytest.CaptureFixture[str], root: Path, command: str, selector: str, says: str) -> None:
    code, out, err = run(capsys, root, *command.split(), "--select", selector)
    assert (64, "", True) == (code, out, says in err)
    assert not (root / "flows").exists()


@pytest.mark.parametrize("other", ["--changed", "--fix", "specs/vacancy.yaml"])
def test_two_ways_to_say_what_is_meant(capsys: pytest.CaptureFixture[str], root: Path, other: str) -> None:
    assert 64 == run(capsys, root, "validate", other, "--select", "vacancy")[0]


def test_only_files_of_selected_models_are_written(capsys: pytest.CaptureFixture[str], root: Path) -> None:
    code, out, _ = run(capsys, root, "compile", "--select", "label:tier=critical", "--json")
    assert (0, ["flows/vacancy.deploy.json", "flows/vacancy.py", "flows/vacancy.serving.json"]) == (code, json.loads(out)["written"])
    assert {"vacancy.deploy.json", "vacancy.py", "vacancy.serving.json"} == {path.name for path in (root / "flows").iterdir()}
    assert "flows/employment.py" in json.loads(out)["left"]


def test_nothing_else_is_checked_or_removed(capsys: pytest.CaptureFixture[str], root: Path) -> None:
    assert 0 == run(capsys, root, "compile")[0]
    wrong(root, "employment", ("seed: 7", "seed: 8"))
    (root / "specs" / "vacancy.yaml").unlink()
    assert 2 == run(capsys, root, "compile", "--check")[0]
    code, out, _ = run(capsys, root, "compile", "--select", "model/employment")
    assert (0, True, True) == (code, "wrote    flows/employment.py" in out, (root / "flows" / "vacancy.py").exists())
    code, out, _ = run(capsys, root, "compile", "--check", "--select", "model/employment")
    assert (0, "The compiled files that were selected are what the specs mean.") == (code, out.splitlines()[0])
    assert "Not selected, and stale: flows/headrace.json, flows/vacancy." in out
    wrong(root, "employment", ("seed: 8", "seed: 9"))
    assert 2 == run(capsys, root, "compile", "--check", "--select", "model/employment")[0]


def test_a_stale_file_of_a_model_with_a_like_name_stays(capsys: pytest.CaptureFixture[str], root: Path) -> None:
    assert 0 == run(capsys, root, "compile")[0]
    stale = root / "flows" / "vacancy-old.serving.json"
    shutil.copy(root / "flows" / "vacancy.serving.json", stale)
    assert [] == json.loads(run(capsys, root, "compile", "--select", "model/vacancy", "--json")[1])["removed"]
    assert stale.exists()


def test_the_project_itself_is_selected_by_its_kind(capsys: pytest.CaptureFixture[str], root: Path) -> None:
    out = run(capsys, root, "compile", "--select", "kind:project", "--json")[1]
    assert ["flows/headrace.json"] == json.loads(out)["written"]


def test_what_is_selected_must_be_compiled(capsys: pytest.CaptureFixture[str], root: Path) -> None:
    code, _, err = run(capsys, root, "compile", "--select", "source/census")
    assert (64, True) == (code, "nothing that is compiled is selected: source/census" in err)
