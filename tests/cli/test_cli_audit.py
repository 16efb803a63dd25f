"""`headrace audit`: what is listed, proven and exported, and what a reader with nothing but the verifier makes of it."""

import json
import os
import shutil
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from headrace.audit import verify
from headrace.cli import main
from headrace.compiled import AuditConfig
from headrace.steps.workspace import Workspace, open_workspace

ROOT = Path(__file__).parents[2]
BUNDLE, ONE, WITNESS, KEY = "audit.jsonl", "one.jsonl", ".headrace/audit/dev/checkpoints", ".headrace/audit/dev/key"


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A compiled project with its witness in its own folder alone, and with four entries, and what made each."""
    (tmp_path / "flows").mkdir()
    compiled = json.loads((ROOT / "flows" / "headrace.json").read_text(encoding="utf-8"))
    compiled["audit"] = None
    (tmp_path / "flows" / "headrace.json").write_text(json.dumps(compiled), encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    with opened() as w:
        write(w, "model/employment", "model/churn", "run 4f0c")
        with w.store.transaction("service:journal", "ship", "employment", often=True):
            pass
    return tmp_path


def opened() -> Workspace:
    return open_workspace(Path("flows") / "headrace.json")


def write(w: Workspace, *subjects: str) -> None:
    for subject in subjects:
        with w.store.transaction("user:ana", "note", subject, reason=f"of {subject}"):
            pass


def run(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, dict[str, Any]]:
    with pytest.raises(SystemExit) as end:
        main(["audit", *arguments, "--json"])
    return int(end.value.code or 0), json.loads(capsys.readouterr().out)


def said(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str]:
    with pytest.raises(SystemExit) as end:
        main(["audit", *arguments])
    out, error = capsys.readouterr()
    return int(end.value.code or 0), out + error


def alone(folder: Path, *arguments: str) -> tuple[int, str]:
    """The verifier as a copied file, in an empty folder, by a Python without any installed package."""
    folder.mkdir(exist_ok=True)
    shutil.copy(verify.__file__, folder / "verify.py")
    done = subprocess.run(
        [sys.executable, "-I", "-S", "verify.py", *arguments],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
        env={"PATH": os.environ["PATH"]},
    )
    return done.returncode, done.stdout + done.stderr


@pytest.mark.parametrize(
    ("arguments", "subjects"),
    [
        ([], ["model/employment", "model/churn", "run 4f0c"]),
        (["--subject", "model/"], ["model/employment", "model/churn"]),
        (["--subject", "model/churn", "--actor", "user:ana", "--action", "note"], ["model/churn"]),
        (["--actor", "user:ben"], []),
        (["--limit", "1"], ["run 4f0c"]),
        (["--since", "1h"], ["model/employment", "model/churn", "run 4f0c"]),
        (["--until", "2020-01-01"], []),
        (["--since", "2020-01-01T00:00:00+02:00", "--until", "1d"], []),
        (["--subject", "model/%' OR 1=1 --"], []),
    ],
)
def test_entries_are_listed_as_asked_for(
    project: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], subjects: list[str]
) -> None:
    code, told = run(capsys, "list", *arguments)
    assert (0, subjects) == (code, [entry["subject"] for entry in told["entries"]])


def test_lists_are_tables_and_counts_are_apart(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert "user:ana  note    model/churn       of model/churn" in said(capsys, "list")[1]
    assert "no entry is as asked for\n" == said(capsys, "list", "--actor", "x")[1]
    assert [("ship", 1)] == [(row["action"], row["n"]) for row in run(capsys, "list", "--counts")[1]["counts"]]
    assert "service:journal" in said(capsys, "list", "--counts")[1]
    assert "nothing was counted\n" == said(capsys, "list", "--counts", "--actor", "x")[1]


def test_a_time_that_is_none_is_said(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, told = said(capsys, "list", "--since", "yesterday")
    assert (64, True) == (code, "`yesterday` is no time" in told)


def test_an_entry_is_shown_as_its_bytes_say_it(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    _, told = run(capsys, "show", "1")
    assert (1, "user:ana", {"kind": "model", "id": "churn"}, "of model/churn") == (
        *(told[key] for key in ("seq", "actor", "subject", "reason")),
    )


@pytest.mark.parametrize("arguments", [["show", "99"], ["prove", "99", ONE]])
def test_an_entry_that_is_not_there_is_said(project: Path, capsys: pytest.CaptureFixture[str], arguments: list[str]) -> None:
    code, told = said(capsys, *arguments)
    assert (64, True, False) == (code, "no-entry" in told, (project / ONE).exists())


def test_a_log_is_sound_once_it_is_witnessed(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, told = run(capsys, "verify")
    assert (7, "incomplete") == (code, told["verdict"])
    assert [{WITNESS: "took it"}, {WITNESS: "has it"}] == [run(capsys, "checkpoint")[1]["witnesses"] for _ in range(2)]
    with opened() as w:
        write(w, "model/churn")
    code, told = run(capsys, "verify")
    assert (0, "sound", 4, 3, 1) == (code, told["verdict"], told["size"], told["covered"], told["checkpoints"])
    assert (0, "sound: 4 entries, 1 checkpoints\n1 came after the last checkpoint\n") == said(capsys, "verify")
    assert "3 entries" not in said(capsys, "checkpoint")[1]


def test_a_log_that_was_changed_is_said(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run(capsys, "checkpoint")
    with closing(sqlite3.connect(project / ".headrace" / "state.db")) as database:
        database.executescript("DROP TRIGGER audit_entry_update; UPDATE audit_entry SET actor = 'user:eve' WHERE seq = 1")
    code, told = run(capsys, "verify")
    assert (4, ["the columns of entry 1 do not say what its bytes say"]) == (code, told["tampered"])


def test_a_witness_that_cannot_be_read_is_said(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run(capsys, "checkpoint")
    (project / "copy").write_text((project / WITNESS).read_text()[:-2])
    code, told = run(capsys, "verify", "--checkpoint", "copy")
    assert (4, ["copy: the end of the witness's file is cut off"]) == (code, told["tampered"])


def test_a_store_that_was_put_back_takes_no_checkpoint(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with closing(sqlite3.connect(project / ".headrace" / "state.db")) as now, closing(sqlite3.connect(project / "backup.db")) as backup:
        now.backup(backup)
    with opened() as w:
        write(w, "model/churn")
    run(capsys, "checkpoint")
    for part in (project / ".headrace").glob("state.db*"):
        part.unlink()
    shutil.copy(project / "backup.db", project / ".headrace" / "state.db")
    code, told = said(capsys, "checkpoint")
    assert (4, True) == (code, "error[audit-witness]" in told)
    assert 4 == run(capsys, "verify")[0]


def test_a_bundle_is_verified_by_the_one_file_alone(project: Path, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    run(capsys, "checkpoint")
    with opened() as w:
        write(w, *(f"model/m{number}" for number in range(20)))
    told = run(capsys, "export", BUNDLE)[1]
    assert (23, 23) == (told["entries"], told["size"])
    assert 1 == run(capsys, "prove", "1", ONE)[1]["entries"]
    assert 1 == run(capsys, "export", "some.jsonl", "--subject", "model/m1")[1]["entries"]
    far = tmp_path / "far"
    far.mkdir()
    for file in (BUNDLE, ONE, "some.jsonl", f"{KEY}.pub", WITNESS):
        shutil.copy(project / file, far)
    with_both = ["--key", "key.pub", "--checkpoint", "checkpoints"]
    assert (0, "sound: 23 entries, 2 checkpoints\n") == alone(far, BUNDLE, *with_both)
    assert [(0, "sound: 1 entries, 2 checkpoints\n")] * 2 == [alone(far, file, *with_both) for file in (ONE, "some.jsonl")]
    code, text = alone(far, BUNDLE)
    assert (7, True) == (code, "no key was given" in text)
    assert (64, 64, 7) == (alone(far)[0], alone(far, BUNDLE, "--nonsense")[0], alone(far, "none.jsonl", *with_both)[0])


def edited(lines: list[dict[str, Any]]) -> list[dict[str, Any]]:
    lines[2]["entry"] = lines[2]["entry"].replace("user:ana", "user:eve")
    return lines


ATTACKS = {
    "an entry edited": edited,
    "an entry left out": lambda lines: lines[:2] + lines[3:],
    "two swapped": lambda lines: [lines[0], lines[2], lines[1], *lines[3:]],
    "the tail cut off": lambda lines: lines[:-1],
    "one more": lambda lines: [*lines, lines[-1]],
    "no checkpoint": lambda lines: [{**lines[0], "checkpoints": ""}, *lines[1:]],
    "a checkpoint cut off": lambda lines: [{**lines[0], "checkpoints": lines[0]["checkpoints"][:-3]}, *lines[1:]],
    "another size": lambda lines: [{**lines[0], "size": 2}, *lines[1:]],
    "another log": lambda lines: [{**lines[0], "log": "other"}, *lines[1:]],
    "a key twice": lambda lines: [lines[0], {"entry": '{"seq":0,"seq":0}'}, *lines[2:]],
    "no bundle": lambda _lines: [{"a": 1}],
    "no entry": lambda lines: [lines[0], {"a": 1}],
    "no JSON within": lambda lines: [lines[0], {"entry": "{"}, *lines[2:]],
}


@pytest.mark.parametrize("attack", ATTACKS)
@pytest.mark.parametrize("file", [BUNDLE, "some.jsonl"])
def test_a_bundle_that_was_changed_is_seen(project: Path, capsys: pytest.CaptureFixture[str], attack: str, file: str) -> None:
    """Of a bundle of some entries, each stands for itself: to leave one out, or to swap two, changes nothing of what it says."""
    run(capsys, "export", BUNDLE)
    run(capsys, "export", "some.jsonl", "--actor", "user:ana")
    lines = [json.loads(line) for line in (project / file).read_text(encoding="utf-8").splitlines()]
    (project / file).write_text("".join(f"{json.dumps(line)}\n" for line in ATTACKS[attack](lines)), encoding="utf-8")
    harmless = file != BUNDLE and attack in {"an entry left out", "two swapped", "the tail cut off", "one more"}
    assert (0 if harmless else 4) == verify.main([file, "--key", f"{KEY}.pub"])
    capsys.readouterr()
    assert (0 if harmless else 4) == run(capsys, "verify", file, "--key", f"{KEY}.pub")[0]


def test_a_proof_that_was_changed_is_seen(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run(capsys, "prove", "1", ONE)
    head, line = (json.loads(line) for line in (project / ONE).read_text().splitlines())
    for change in ({"seq": 2}, {"seq": "1"}, {"proof": line["proof"][:-1]}, {"proof": ["x"]}, {"proof": None}):
        (project / ONE).write_text(f"{json.dumps(head)}\n{json.dumps({**line, **change})}\n")
        assert 4 == run(capsys, "verify", ONE, "--key", f"{KEY}.pub")[0], change


def test_a_fork_is_seen_by_who_holds_a_checkpoint(project: Path, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    """Two histories signed by one key: each is sound alone, and the checkpoint that a reader holds tells which was shown before."""
    with closing(sqlite3.connect(project / ".headrace" / "state.db")) as now, closing(sqlite3.connect(project / "backup.db")) as backup:
        now.backup(backup)
    with opened() as w:
        write(w, "model/a", "model/b")
    run(capsys, "checkpoint")
    (project / WITNESS).rename(project / "held")
    for part in (project / ".headrace").glob("state.db*"):
        part.unlink()
    shutil.copy(project / "backup.db", project / ".headrace" / "state.db")
    with opened() as w:
        write(w, "model/c", "model/d", "model/e")
    run(capsys, "export", BUNDLE)
    run(capsys, "prove", "1", ONE)
    assert [0, 0] == [run(capsys, "verify", file, "--key", f"{KEY}.pub")[0] for file in (BUNDLE, ONE)]
    held = [run(capsys, "verify", file, "--key", f"{KEY}.pub", "--checkpoint", "held")[0] for file in (BUNDLE, ONE)]
    assert [4, 7] == held


@pytest.fixture
def put_back(project: Path, capsys: pytest.CaptureFixture[str]) -> Path:
    """The same, put back to four entries after a witness saw six; another witness, who was told nothing since, is kept as `held`."""
    run(capsys, "checkpoint")
    with closing(sqlite3.connect(project / ".headrace" / "state.db")) as now, closing(sqlite3.connect(project / "backup.db")) as backup:
        now.backup(backup)
    with opened() as w:
        write(w, "model/a", "model/b")
    run(capsys, "checkpoint")
    shutil.copy(project / WITNESS, project / "held")
    for part in (project / ".headrace").glob("state.db*"):
        part.unlink()
    shutil.copy(project / "backup.db", project / ".headrace" / "state.db")
    return project


def test_a_log_that_was_put_back_is_refused_until_an_operator_says_so(put_back: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert [4, 4] == [run(capsys, "verify")[0], said(capsys, "checkpoint")[0]]
    assert "headrace audit recover" in said(capsys, "checkpoint")[1]

    code, told = run(capsys, "recover", "--reason", "the disk was lost")
    assert (0, [WITNESS]) == (code, told["witnesses"])
    code, told = run(capsys, "verify")
    assert (0, "sound", 1) == (code, told["verdict"], len(told["recovered"]))
    assert "recovered: entry" in said(capsys, "verify")[1]
    assert ": the disk was lost" in said(capsys, "verify")[1]


def test_who_holds_what_was_given_up_sees_that_it_was(put_back: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with opened() as w:
        write(w, "model/c", "model/d", "model/e")
    refused = run(capsys, "verify", "--checkpoint", "held")
    run(capsys, "recover", "--reason", "the disk was lost")
    run(capsys, "export", BUNDLE)
    run(capsys, "prove", "1", ONE)
    for file in (BUNDLE, ONE):
        code, told = run(capsys, "verify", file, "--key", (put_back / f"{KEY}.pub").read_text(), "--checkpoint", "held")
        assert (0, 1) == (code, len(told["recovered"]))
    assert [4, 0] == [refused[0], run(capsys, "verify", "--checkpoint", "held")[0]]


def test_there_is_nothing_to_recover_from_where_no_witness_saw_more(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, told = said(capsys, "recover", "--reason", "why")
    assert (4, True) == (code, "nothing to recover from" in told)
    (project / WITNESS).parent.mkdir(parents=True, exist_ok=True)
    (project / WITNESS).write_text("damage")
    code, told = said(capsys, "recover", "--reason", "why")
    assert (4, True) == (code, "not sound" in told)
    assert 64 == said(capsys, "recover", "--reason", " ")[0]


def test_a_log_that_was_altered_and_put_back_is_not_recovered(put_back: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (put_back / KEY).unlink()
    (put_back / f"{KEY}.pub").unlink()
    assert 4 == said(capsys, "recover", "--reason", "by another key")[0]
    assert 4 == run(capsys, "verify")[0]


@pytest.mark.parametrize("bad", ["", "x+y+z"])
def test_a_key_that_is_none_is_a_wrong_call(project: Path, capsys: pytest.CaptureFixture[str], bad: str) -> None:
    (project / "bad.pub").write_text(bad)
    assert 64 == said(capsys, "verify", "--key", "bad.pub")[0]


@pytest.mark.parametrize(
    ("key", "id_"), [("file:none", "audit-key"), ("env:HEADRACE_AUDIT_KEY", "secret-missing"), ("file:bad", "audit-key")]
)
def test_a_declared_key_that_cannot_be_used_is_said(project: Path, capsys: pytest.CaptureFixture[str], key: str, id_: str) -> None:
    declare(project, AuditConfig(key=key, witnesses=()))
    (project / "bad").write_text("nonsense")
    (project / "bad").chmod(0o600)
    code, told = said(capsys, "checkpoint")
    assert (True, True) == (code in {1, 4}, f"error[{id_}]" in told)


def test_a_declared_key_and_witness_are_used(project: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    from headrace.audit.signing import PrivateKey

    key = PrivateKey.made("labour.example")
    monkeypatch.setenv("HEADRACE_AUDIT_KEY", key.text())
    (project / "far").mkdir()
    declare(project, AuditConfig(key="env:HEADRACE_AUDIT_KEY", witnesses=("far",)))
    assert {WITNESS: "took it", "far": "took it"} == run(capsys, "checkpoint")[1]["witnesses"]
    assert (2, False) == (run(capsys, "verify")[1]["checkpoints"], (project / KEY).exists())
    (project / "far" / "checkpoints").chmod(0)
    shutil.rmtree(project / "far")
    (project / "far").write_text("")
    (project / "far").unlink()
    assert {WITNESS: "has it", "far": "took it"} == run(capsys, "checkpoint")[1]["witnesses"]


def test_a_witness_that_cannot_be_written_is_said(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (project / "file").write_text("")
    declare(project, AuditConfig(key=None, witnesses=("file/below",)))
    code, told = said(capsys, "checkpoint")
    assert (1, True) == (code, "cannot be written" in told)


def test_what_keeps_a_step_from_its_witness_is_logged_and_the_step_stands(project: Path, caplog: pytest.LogCaptureFixture) -> None:
    with opened() as w:
        w.witness()
        assert 1 == len((project / WITNESS).read_text().split("old 0")[1:])
        (project / WITNESS).write_text("damage")
        w.witness()
    assert "error[audit-witness]" in caplog.text


def declare(project: Path, audit: AuditConfig) -> None:
    path = project / "flows" / "headrace.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), "audit": audit.to_json()}))


def test_where_nothing_was_written_there_is_nothing_to_sign(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "flows").mkdir()
    shutil.copy(ROOT / "flows" / "headrace.json", tmp_path / "flows")
    monkeypatch.chdir(tmp_path)
    code, told = run(capsys, "verify")
    assert (7, ["nothing was written yet: there is no log"]) == (code, told["missing"])
    assert [64, 64] == [said(capsys, *words)[0] for words in (["checkpoint"], ["export", BUNDLE])]
