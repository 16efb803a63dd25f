"""`headrace subject`: what is exported, erased and wrapped anew, and what a project says of who is not there."""

import json
import shutil
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from headrace import registry
from headrace.cli import main
from headrace.cli.place import open_workspace
from headrace.compiled import read_serving
from headrace.digest import digest
from headrace.journal import OutcomeRecord, PredictionRecord, Spool, Terms
from headrace.secrets import Secrets
from headrace.serving.journalled import personal

FLOWS = Path(__file__).parents[1] / "golden" / "answering" / "flows"
AT = datetime(2026, 3, 1, tzinfo=UTC)
MODEL = "buys-guarded"


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A compiled project whose server has answered twice about visit 7 and once about visit 8, and is on no disk but its spool's."""
    (tmp_path / "keys").mkdir()
    for name in ("one", "two"):
        (tmp_path / "keys" / name).write_text(name[0].encode().hex() * 32)
    (tmp_path / "flows").mkdir()
    for name in ("headrace.json", f"{MODEL}.serving.json"):
        shutil.copy(FLOWS / name, tmp_path / "flows")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HASH_KEY", "a key of hashes, long enough")
    configure(tmp_path, personal={"visit_id": "hash", "town": "encrypt"}, encryption_keys=[["k1", "file:keys/one"]])
    answer(tmp_path, ("1", "7", "Bern"), ("2", "7", "Chur"), ("3", "8", "Genf"))
    return tmp_path


def configure(root: Path, **journal: Any) -> None:
    path = root / "flows" / f"{MODEL}.serving.json"
    told = json.loads(path.read_text())
    path.write_text(json.dumps({**told, "journal": {**told["journal"], "parquet": None, "log": None, **journal}}))


def answer(root: Path, *told: tuple[str, str, str]) -> None:
    spool = Spool.open(root / ".headrace" / "spool" / MODEL, Terms(personal=personal(read_serving(root, MODEL), Secrets(root))))
    for id_, visit, town in told:
        spool.append(PredictionRecord(id_, MODEL, 1, "champion", 1, visit, AT, 1, {"town": town}, 0.5, None, ()))
        spool.append(OutcomeRecord(MODEL, visit, 1.0, AT))
    spool.close()


def run(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, dict[str, Any]]:
    with pytest.raises(SystemExit) as end:
        main([*arguments, "--json"])
    return int(end.value.code or 0), json.loads(capsys.readouterr().out or "{}")


def said(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str]:
    with pytest.raises(SystemExit) as end:
        main(list(arguments))
    return int(end.value.code or 0), "".join(capsys.readouterr())


def towns(capsys: pytest.CaptureFixture[str]) -> list[Any]:
    return [row["inputs"]["town"] for row in run(capsys, "journal", "--decrypt")[1]["predictions"]]


def test_an_export_holds_all_that_is_stored_as_it_was_for_its_owner_alone(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, told = run(capsys, "subject", "export", "7", "seven.json")
    held = json.loads((project / "seven.json").read_text())

    assert (0, {"file": "seven.json", "predictions": 2, "outcomes": 1}) == (code, told)
    of = held["models"][MODEL]
    assert (["Bern", "Chur"], [1.0], "visit_id", "7") == (
        [row["inputs"]["town"] for row in of["predictions"]],
        [row["value"] for row in of["outcomes"]],
        held["entity"],
        held["id"],
    )
    assert 0o600 == (project / "seven.json").stat().st_mode & 0o777


def test_what_was_erased_reads_so_everywhere_and_the_log_is_sound(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, told = run(capsys, "subject", "erase", "7", "--reason", "asked")
    assert (0, 1, 2, 1, {MODEL: {"k1": 1}}) == (code, *(told[name] for name in ("keys", "predictions", "outcomes", "wrapped_by")))

    assert ["Genf", {"erased": told["at"]}, {"erased": told["at"]}] == towns(capsys)
    for words in (("export", "7", "seven.json"), ("erase", "7", "--reason", "again")):
        code, text = said(capsys, "subject", *words)
        assert (64, True) == (code, f"this subject was erased on {told['at'][:10]}" in text)
    assert not (project / "seven.json").exists()
    assert ("sound", [f"subject/{told['id']}"]) == (
        run(capsys, "audit", "verify")[1]["verdict"],
        [entry["subject"] for entry in run(capsys, "audit", "list", "--action", "erase")[1]["entries"]],
    )


def test_what_no_key_encrypts_is_named_with_what_to_do_about_it(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with open_workspace(project, None) as w:
        data, held = w.store.blobs.put(b"rows"), w.store.blobs.put(b"held-out rows")
        digests = {part: digest(part.encode()) for part in ("spec", "code", "environment")} | {"data": data}
        registry.register(
            w.store, actor="t", model=MODEL, run_id="r", manifest={"digests": digests, "reference": held}, model_bytes=b"m", algorithm="a",
            format="f", at=AT,
        )  # fmt: skip
        sources = sorted(name for name, source in w.config.sources.items() if "visit_id" in source.columns)
    code, text = said(capsys, "subject", "erase", "7", "--reason", "asked")
    assert (0, True) == (code, bool(sources))
    for wanted in (
        *(f"  source/{name}: delete its rows by `visit_id` where they are" for name in sources),
        f"  model/{MODEL}: 1 version learned from rows that are kept",
        f"`headrace run train {MODEL}`, then `headrace models delete {MODEL}@N --reason …`",
        "  files that batches wrote: delete their rows by `visit_id`",
    ):
        assert wanted in text
    left = run(capsys, "subject", "erase", "8", "--reason", "asked")[1]["left"]
    assert (sources, {MODEL: {"1": [data, held]}}, False) == (left["sources"], left["rows"], left["online"])


def test_keys_are_wrapped_anew_and_the_old_one_can_go(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    keys = [["k2", "file:keys/two"], ["k1", "file:keys/one"]]
    configure(project, encryption_keys=keys)
    assert (0, {"models": {MODEL: {"anew": 2, "wrapped_by": {"k2": 2}}}}) == run(capsys, "subject", "rotate")
    configure(project, encryption_keys=keys[:1])
    (project / "keys" / "one").unlink()
    assert ["Genf", "Chur", "Bern"] == towns(capsys)
    assert (0, True) == (said(capsys, "subject", "rotate")[0], "k2: 2" in said(capsys, "subject", "rotate")[1])


@pytest.mark.parametrize("keys", [[["k2", "file:keys/two"]], [["k2", "file:keys/two"], ["k1", "file:keys/two"]]])
def test_a_rotation_without_the_old_key_is_refused(project: Path, capsys: pytest.CaptureFixture[str], keys: list[list[str]]) -> None:
    configure(project, encryption_keys=keys)
    code, told = said(capsys, "subject", "rotate")
    assert (3, True) == (code, "error[personal-key]" in told)
    assert 3 == said(capsys, "journal", "--decrypt")[0]


def test_who_is_not_there_is_said(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for words in (("export", "9", "nine.json"), ("erase", "9", "--reason", "asked"), ("export", "7", "x.json", "--entity", "person")):
        code, told = said(capsys, "subject", *words)
        assert (64, True) == (code, "error[no-subject]" in told)


def test_a_model_without_personal_columns_is_exported_and_loses_its_name(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    configure(project, personal={}, encryption_keys=[], hash_key=None)
    shutil.rmtree(project / ".headrace")
    answer(project, ("1", "7", "Bern"))
    code, of = run(capsys, "subject", "export", "7", "seven.json")
    assert (0, 1) == (code, of["predictions"])
    code, told = said(capsys, "subject", "erase", "7", "--reason", "asked")
    assert (0, True) == (code, "0 keys destroyed, 1 predictions and 1 outcomes without a name" in told)
    assert (0, "no model encrypts anything\n") == said(capsys, "subject", "rotate")
