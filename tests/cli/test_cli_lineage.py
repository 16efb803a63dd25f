"""`models verify`, `models sign` and `show lineage`, as they are typed."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import click
import pytest
from click.shell_completion import ShellComplete
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

sys.path.insert(0, str(Path(__file__).parents[1] / "serving"))

from serving_project import MODEL, Project
from serving_project import project as make_project

from headrace import registry
from headrace.cli import headrace as group
from headrace.cli import main
from headrace.diagnostics import Exit
from headrace.identity import signing
from headrace.store import tables

AT = datetime(2020, 1, 1, tzinfo=UTC)
Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def made(tmp_path: Path) -> Iterator[Project]:
    """A compiled project with one version, its champion, and one answer."""
    project = make_project(tmp_path / "project")
    store = project.store
    digests = {part: store.blobs.put(part.encode()) for part in ("data", "spec", "code", "environment")}
    registry.register(
        store,
        actor="user:test",
        model=MODEL,
        run_id="r1",
        manifest={"digests": digests, "sources": {"census": digests["data"]}},
        model_bytes=b"model",
        algorithm="a",
        format="x",
        at=AT,
    )
    with store.transaction("user:test", "promote", MODEL) as session:
        registry.promote(session, model=MODEL, number=1, at=AT, reason="test")
        session.add(
            tables.Prediction(
                id="p1",
                model=MODEL,
                version=1,
                arm="champion",
                epoch=0,
                entity="7",
                at=AT,
                recorded_at=AT,
                latency_us=1,
                inputs={},
                output=0.5,
                unseen=[],
            )
        )
    yield project
    store.close()


@pytest.fixture
def headrace(made: Project, capsys: pytest.CaptureFixture[str]) -> Run:
    def run(*arguments: str) -> tuple[int, str, str]:
        with pytest.raises(SystemExit) as ended:
            main([*arguments, "--root", str(made.root)])
        told = capsys.readouterr()
        assert isinstance(ended.value.code, int)
        return ended.value.code, told.out, told.err

    return run


def test_a_version_is_verified_and_its_statement_can_be_taken_elsewhere(made: Project, headrace: Run, tmp_path: Path) -> None:
    code, out, _ = headrace("models", "verify", MODEL, "--strict", "--json")
    told = json.loads(out)
    assert (Exit.OK, 1, {"passed"}) == (code, told["version"], {item["state"] for item in told["checks"]})
    (tmp_path / "signing.pub").write_text(told["key"])
    assert "application/vnd.in-toto+json" == told["statement"]["payloadType"]
    assert Exit.OK == headrace("models", "verify", f"model/{MODEL}@1", "--key", str(tmp_path / "signing.pub"))[0]


def test_an_altered_version_is_refused_with_every_check_told(made: Project, headrace: Run) -> None:
    with made.store.read() as session:
        place = made.store.blobs.path(registry.get(session, MODEL, 1).model_digest)
    place.chmod(0o644)
    place.write_bytes(b"evil")
    code, out, err = headrace("models", "verify", MODEL)
    assert (Exit.REFUSED, True, True) == (code, "model        FAILED" in out, f"error[not-verified]: model/{MODEL} v1" in err)
    assert "provenance   ok" in out


def test_another_projects_key_is_refused(headrace: Run, tmp_path: Path) -> None:
    other = signing.signer(tmp_path / "other")
    assert other is not None
    (tmp_path / "other.pub").write_text(other.verifier.pem)
    code, out, _ = headrace("models", "verify", MODEL, "--key", str(tmp_path / "other.pub"))
    assert (Exit.REFUSED, True) == (code, "it is signed by another key" in out)


def test_a_version_is_signed_and_verified_by_the_public_key(headrace: Run, tmp_path: Path) -> None:
    key = ec.generate_private_key(ec.SECP384R1())
    (tmp_path / "sign.pem").write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    (tmp_path / "sign.pem").chmod(0o600)
    (tmp_path / "sign.pub").write_bytes(key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo))
    assert Exit.REFUSED == headrace("models", "verify", MODEL, "--key", str(tmp_path / "sign.pub"))[0]
    assert Exit.OK == headrace("models", "sign", MODEL, "--key", str(tmp_path / "sign.pem"))[0]
    code, out, _ = headrace("models", "verify", MODEL, "--strict", "--key", str(tmp_path / "sign.pub"))
    assert (Exit.OK, True) == (code, "signature    ok" in out)
    code, out, _ = headrace("models", "verify", MODEL)
    assert (Exit.OK, True) == (code, "give its public half by `--key`" in out)
    assert Exit.REFUSED == headrace("models", "verify", MODEL, "--strict")[0]


def test_lineage_is_a_tree_and_json(headrace: Run) -> None:
    code, out, _ = headrace("show", "lineage", f"model/{MODEL}")
    assert (Exit.OK, f"model/{MODEL} v1", True, True) == (
        code,
        out.splitlines()[0],
        "source/census  [held]" in out,
        "1 answers of v1" in out,
    )
    told = json.loads(headrace("show", "lineage", f"{MODEL}@1", "--json")[1])
    ids = {node["id"] for node in told["nodes"]}
    assert (f"model/{MODEL}@1", True) == (told["subject"], all({edge["from"], edge["to"]} <= ids for edge in told["edges"]))


def test_one_answer_leads_back_to_the_source_and_the_source_on_to_the_version(headrace: Run) -> None:
    assert "source/census" in headrace("show", "lineage", "prediction/p1")[1]
    assert f"model/{MODEL} v1" in headrace("show", "lineage", "source/census")[1]


@pytest.mark.parametrize("suffix", ["svg", "html"])
def test_a_picture_is_written_once(headrace: Run, tmp_path: Path, suffix: str) -> None:
    out = tmp_path / f"lineage.{suffix}"
    assert f"wrote {out}" in headrace("show", "lineage", MODEL, "--out", str(out))[1]
    assert "</svg>" in out.read_text(encoding="utf-8")
    code, _, err = headrace("show", "lineage", MODEL, "--out", str(out))
    assert (Exit.REFUSED, True) == (code, "error[export-exists]" in err)


@pytest.mark.parametrize(
    ("arguments", "code", "says"),
    [
        (("prediction/none",), Exit.FAILED, "error[no-lineage]"),
        (("source/none",), Exit.FAILED, "error[no-lineage]"),
        (("channel/team",), Exit.USAGE, "error[no-lineage]"),
        (("model/none",), Exit.USAGE, "error[unknown-model]"),
        ((MODEL, "--out", "lineage.png"), Exit.USAGE, "ends in .svg or .html"),
    ],
)
def test_what_has_no_lineage_is_said(headrace: Run, arguments: tuple[str, ...], code: Exit, says: str) -> None:
    found = headrace("show", "lineage", *arguments)
    assert (code, True) == (found[0], says in found[2])


def test_the_word_that_is_meant_may_be_left_out(headrace: Run) -> None:
    assert headrace("models", MODEL, "--json") == headrace("models", "list", MODEL, "--json")
    assert headrace("models", "--json") == headrace("models", "list", "--json")


@pytest.mark.parametrize(("typed", "offered"), [(["models"], "verify"), (["models"], "sign"), (["show"], "lineage")])
def test_the_words_are_completed(typed: list[str], offered: str) -> None:
    class Shell(ShellComplete):
        name = "test"
        source_template = ""

    found = Shell(group, {}, "headrace", "_HEADRACE_COMPLETE").get_completions(typed, offered[:2])
    assert offered in [item.value for item in found]
    assert isinstance(group, click.Group)
