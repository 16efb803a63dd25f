"""`headrace flags`: what is in force beside what is declared, and what somebody gets."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from headrace import flags
from headrace.cli import headrace as command
from headrace.cli import main
from headrace.compiled import FlagsConfig
from headrace.compiler.artifact import pretty
from headrace.store import Store

sys.path.insert(0, str(Path(__file__).parents[1] / "flags"))

from flag_values import flag, rule

ROOT = Path(__file__).parents[2]
SHOWN = flag(rule("pilots", "on", tenant=["acme"], seats=[3]), rule("few", split={"on": 0.5, "off": 0.5}), expires="2020-01-01")


@pytest.fixture
def root(tmp_path: Path) -> Iterator[Path]:
    """A compiled project: one flag as it is in force, one changed since, one new, and one that left."""
    (tmp_path / "flows").mkdir()
    (tmp_path / "flows" / "headrace.json").write_text((ROOT / "flows" / "headrace.json").read_text(encoding="utf-8"), encoding="utf-8")
    declared = FlagsConfig(project="labour", flags=(SHOWN, flag(name="altered", enabled=False), flag(name="new")))
    (tmp_path / "flows" / "flags.json").write_text(pretty(declared), encoding="utf-8")
    store = Store.open("sqlite:///.headrace/state.db", ".headrace/blobs", root=tmp_path)
    for made in (SHOWN, flag(name="altered"), flag(name="gone")):
        flags.put(store, "user:ana", made)
    store.close()
    return tmp_path


def run(capsys: pytest.CaptureFixture[str], root: Path, *arguments: str) -> tuple[int, str, str]:
    with pytest.raises(SystemExit) as end:
        main(["flags", *arguments, "--root", str(root)])
    told = capsys.readouterr()
    assert isinstance(end.value.code, int)
    return end.value.code, told.out, told.err


def test_the_list_says_what_is_in_force_and_what_is_not(capsys: pytest.CaptureFixture[str], root: Path) -> None:
    code, out, _ = run(capsys, root, "list", "--json")
    told = {row["name"]: (row["state"], row["enabled"], row["old"], row["actor"]) for row in json.loads(out)["flags"]}
    assert 0 == code
    assert {
        "altered": ("changed", True, False, "user:ana"),
        "gone": ("removed", True, False, "user:ana"),
        "new": ("not applied", True, False, None),
        "shown": ("in force", True, True, "user:ana"),
    } == told
    text = run(capsys, root, "list")[1]
    assert "flag/new answers nobody yet: type `headrace apply`" in text
    assert "flag/shown was to be gone by 2020-01-01: take it out of the code and the specs" in text


@pytest.mark.parametrize(
    ("attributes", "told"),
    [
        (["tenant=acme", "seats=3"], "on (true): TARGETING_MATCH by rule `pilots`"),
        (["tenant=acme", 'seats="3"', "person_id=5"], "SPLIT by rule `few`"),
        (["tenant=acme", "person_id=x y=z"], "SPLIT by rule `few`"),
    ],
)
def test_somebody_gets_what_a_server_would_say(capsys: pytest.CaptureFixture[str], root: Path, attributes: list[str], told: str) -> None:
    given = [part for each in attributes for part in ("--attribute", each)]
    code, out, _ = run(capsys, root, "evaluate", "flag/shown", *given)
    assert (0, True) == (code, told in out)
    result: dict[str, Any] = json.loads(run(capsys, root, "evaluate", "shown", *given, "--json")[1])
    assert out.split(" ")[0] == result["variant"]


@pytest.mark.parametrize(
    ("arguments", "code", "told"),
    [
        (["shown"], 1, "error[flag-unanswered]: flag/shown has no answer: rule `few` deals shares by `person_id`, which is not there"),
        (["shwn"], 64, "did you mean `shown`?"),
        (["new"], 64, "it is declared: type `headrace apply`"),
        (["other-thing"], 64, "error[no-flag]: no flag `other-thing` is in force"),
        (["shown", "--attribute", "tenant"], 64, "`tenant` has no value: write NAME=VALUE"),
    ],
)
def test_what_cannot_be_said_is_told(capsys: pytest.CaptureFixture[str], root: Path, arguments: list[str], code: int, told: str) -> None:
    ended, out, err = run(capsys, root, "evaluate", *arguments)
    assert (code, "", True) == (ended, out, told in err), err


def test_names_of_flags_are_offered(root: Path) -> None:
    (root / "specs").mkdir()
    (root / "specs" / "f.yaml").write_text('kind: flag\nname: shown\nvariants: {"on": true}\ndefault: "on"\n', encoding="utf-8")
    words = {"_HEADRACE_COMPLETE": "bash_complete", "COMP_WORDS": f"headrace flags evaluate --root {root} sh", "COMP_CWORD": "5"}
    assert "plain,shown\n" == CliRunner().invoke(command, prog_name="headrace", env=words).output


def test_the_compiled_flags_go_with_the_last_one_and_what_is_not_ours_stays(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    def compiled() -> str:
        with pytest.raises(SystemExit):
            main(["compile", "--root", str(tmp_path)])
        return capsys.readouterr().out

    (tmp_path / "specs").mkdir()
    specs, file = tmp_path / "specs" / "all.yaml", tmp_path / "flows" / "flags.json"
    project = "kind: project\nname: p\nlanguage: 1\n---\nkind: environment\nname: dev\n"
    specs.write_text(project + '---\nkind: flag\nname: shown\nvariants: {"on": true}\ndefault: "on"\n', encoding="utf-8")
    assert "wrote    flows/flags.json" in compiled()
    specs.write_text(project, encoding="utf-8")
    assert ("removed  flows/flags.json", False) == (compiled().splitlines()[0], file.exists())
    file.write_text('{"project": "mine"}', encoding="utf-8")
    compiled()
    assert '{"project": "mine"}' == file.read_text(encoding="utf-8")
