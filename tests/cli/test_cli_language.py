"""validate, show and explain."""

import json
import shutil
from pathlib import Path

import pytest

from headrace.cli import main
from headrace.compiler.governance import _approval
from headrace.project.risk import TIERS
from headrace.spec.card import required
from headrace.spec.governance import Approval

ROOT = Path(__file__).parents[2]


def run(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    with pytest.raises(SystemExit) as end:
        main(arguments)
    told = capsys.readouterr()
    assert isinstance(end.value.code, int)
    return end.value.code, told.out, told.err


@pytest.fixture
def root(tmp_path: Path) -> Path:
    shutil.copytree(ROOT / "tests" / "plan" / "reference" / "specs", tmp_path / "specs")
    return tmp_path


def broken(root: Path) -> None:
    path = root / "specs" / "employment.yaml"
    path.write_text(path.read_text().replace("port: 8080", "prt: 8080"))


def test_a_valid_project(capsys: pytest.CaptureFixture[str]) -> None:
    assert (0, "No errors in 13 documents.\n", "") == run(capsys, "validate", "--root", str(ROOT))


def test_an_invalid_project(capsys: pytest.CaptureFixture[str], root: Path) -> None:
    broken(root)
    code, out, err = run(capsys, "validate", "--root", str(root))
    first, *_, last = out.splitlines()
    assert (3, "error[unknown-key]: `prt` is no key of `serving`", "1 error; `headrace validate --fix` mends 1.", "") == (
        code,
        first,
        last,
        err,
    )


@pytest.mark.parametrize(
    ("style", "begins"),
    [
        ("human", "error[unknown-key]: `prt`"),
        ("concise", "specs/employment.yaml:31:3: error[unknown-key]"),
        ("github", "::error title=unknown-key,file="),
        ("json", "{"),
        ("sarif", "{"),
    ],
)
def test_faults_are_the_result_of_validate_in_every_format(capsys: pytest.CaptureFixture[str], root: Path, style: str, begins: str) -> None:
    broken(root)
    code, out, err = run(capsys, "validate", "--root", str(root), "--format", style)
    assert (3, True, "") == (code, out.startswith(begins), err)


@pytest.mark.parametrize("command", ["compile", "compile --check", "plan", "apply --yes", "show model/employment"])
def test_faults_that_keep_another_command_from_its_result_are_no_result(
    capsys: pytest.CaptureFixture[str], root: Path, command: str
) -> None:
    broken(root)
    code, out, err = run(capsys, *command.split(), "--root", str(root))
    assert (3, "", "error[unknown-key]: `prt` is no key of `serving`") == (code, out, err.splitlines()[0])


def test_json(capsys: pytest.CaptureFixture[str], root: Path) -> None:
    broken(root)
    code, out, _ = run(capsys, "validate", "--root", str(root), "--json")
    found = json.loads(out)
    assert (3, False, 1, ["unknown-key"]) == (code, found["valid"], found["errors"], [d["id"] for d in found["diagnostics"]])


def test_warnings_fail_where_that_is_asked(capsys: pytest.CaptureFixture[str], root: Path) -> None:
    path = root / "specs" / "employment.yaml"
    path.write_text(path.read_text().replace("min: 0.85", "min: 0.85, by: sex"))
    assert [0, 3] == [run(capsys, "validate", "--root", str(root), *more)[0] for more in ([], ["--strict"])]


def test_show_lists_addresses(capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = run(capsys, "show", "--root", str(ROOT))
    assert (0, True) == (code, "model/employment" in out.splitlines())
    assert out.splitlines() == json.loads(run(capsys, "show", "--root", str(ROOT), "--json")[1])["addresses"]


def test_show_of_what_is_not_there(capsys: pytest.CaptureFixture[str]) -> None:
    code, _, err = run(capsys, "show", "model/emplyment", "--root", str(ROOT))
    assert (64, True, True) == (code, "error[unknown-address]: there is no `model/emplyment`" in err, "model/employment" in err)


def test_what_is_shown_is_a_valid_spec(capsys: pytest.CaptureFixture[str], root: Path) -> None:
    shown = run(capsys, "show", "model/employment", "--root", str(root))[1]
    (root / "specs" / "employment.yaml").write_text(shown)
    assert (0, "No errors in 10 documents.\n", "") == run(capsys, "validate", "--root", str(root))
    again = run(capsys, "show", "employment", "--root", str(root))[1]
    assert [line.split("  #")[0].rstrip() for line in shown.splitlines()] == [line.split("  #")[0].rstrip() for line in again.splitlines()]


def test_show_as_json(capsys: pytest.CaptureFixture[str]) -> None:
    found = json.loads(run(capsys, "show", "model/employment", "--root", str(ROOT), "--json")[1])
    assert ("2h", "20%") == (found["spec"]["training"]["timeout"], found["spec"]["training"]["split"]["holdout"])


@pytest.mark.parametrize(
    ("subject", "says"),
    [
        ("model/emplyment", "did you mean `model/employment`?"),
        ("emplyment", "did you mean `model/employment`?"),
        ("zzz", "lists all addresses"),
    ],
)
def test_show_of_nothing(capsys: pytest.CaptureFixture[str], subject: str, says: str) -> None:
    code, _, err = run(capsys, "show", subject, "--root", str(ROOT))
    assert (64, True) == (code, says in err)


def test_show_of_an_invalid_project(capsys: pytest.CaptureFixture[str], root: Path) -> None:
    broken(root)
    assert 3 == run(capsys, "show", "model/employment", "--root", str(root))[0]


def test_a_name_of_two_documents(capsys: pytest.CaptureFixture[str], root: Path) -> None:
    (root / "specs" / "more.yaml").write_text("kind: channel\nname: employment\ntype: log\nparams: {path: a}\n")
    code, _, err = run(capsys, "show", "employment", "--root", str(root))
    assert (64, True) == (code, "which-address" in err)


@pytest.mark.parametrize(("options", "told"), [([], True), (["--json"], False)])
def test_warnings_are_told_beside_the_result(
    root: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, options: list[str], *, told: bool
) -> None:
    (root / "specs" / "notes.txt").write_text("")
    arguments = ["show", "model/employment", "--root", str(root), *options]
    monkeypatch.setattr("sys.argv", ["headrace", *arguments])
    code, out, err = run(capsys, *arguments)
    assert (0, False, told) == (code, "not-read" in out, "[not-read]" in err)


def test_explain_what_happens_while_running(capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = run(capsys, "explain", "locked")
    assert (0, True) == (code, "help: wait until it ends" in out)


def test_explain_a_diagnostic(capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = run(capsys, "explain", "leaky-split")
    assert (0, "leaky-split: training sees answers of the held-out time") == (code, out.splitlines()[0])


def test_explain_a_field(capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = run(capsys, "explain", "model.rollout.false_rollback")
    assert (0, ["bounds: more than 0%, at most 50%", "default: 5%", "changing it costs: reconfigure", "optional"]) == (
        code,
        out.splitlines()[3:7],
    )


def test_explain_as_json(capsys: pytest.CaptureFixture[str]) -> None:
    found = json.loads(run(capsys, "explain", "model.rollout", "--json")[1])
    assert ("model.rollout", "strategy") == (found["path"], found["keys"][0]["key"])


def test_explain_a_tier_of_risk_by_what_decides(capsys: pytest.CaptureFixture[str]) -> None:
    told = json.loads(run(capsys, "explain", "risk", "--json")[1])["tiers"]
    asked = {tier: _approval(Approval(to="environment/dev", by="group/risk"), tier) for tier in TIERS}
    assert [
        (tier, {name: list(needs) for name, needs in required(tier).items()}, asked[tier].quorum, asked[tier].keyed) for tier in TIERS
    ] == [(one["tier"], one["card"], one["quorum"], one["key"]) for one in told]
    code, out, _ = run(capsys, "explain", "risk.high")
    assert (0, 1, True) == (code, out.count("risk.level"), "votes            2, where" in out)


@pytest.mark.parametrize(
    ("subject", "says"),
    [
        ("risk.hig", "did you mean `risk.high`?"),
        ("leakysplit", "did you mean `leaky-split`?"),
        ("model.rollout.stepz", "did you mean `model.rollout.steps`?"),
        ("0", "begins with one of"),
    ],
)
def test_explain_nothing(capsys: pytest.CaptureFixture[str], subject: str, says: str) -> None:
    code, _, err = run(capsys, "explain", subject)
    assert (64, True) == (code, says in err)
