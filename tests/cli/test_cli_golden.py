"""headrace golden: requests are recorded from the journal or a file, listed, and asked again of a version or a server."""

from __future__ import annotations

import json
import sys
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, ClassVar

import pytest

sys.path.insert(0, str(Path(__file__).parents[1] / "serving"))

from serving_project import MODEL, ROW, Project
from serving_project import project as make_project

from headrace import registry
from headrace.cli import golden_file, main
from headrace.diagnostics import Exit
from headrace.store import clock, tables

INPUTS = {name: value for name, value in ROW.items() if name != "person_id"}
Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def made(tmp_path: Path) -> Iterator[Project]:
    """Two versions; 1 is champion."""
    project = make_project(tmp_path)
    project.register(0), project.register(1)
    project.alias("champion", 1)
    yield project
    project.store.close()


@pytest.fixture
def golden(made: Project, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Run:
    def run(*arguments: str) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["headrace", "golden", *arguments])
        with pytest.raises(SystemExit) as ended:
            main(["golden", *arguments, "--root", str(made.root)])
        told = capsys.readouterr()
        assert isinstance(ended.value.code, int)
        return ended.value.code, told.out, told.err

    return run


def said(project: Project, number: int, row: dict[str, Any]) -> float:
    with project.store.read() as session:
        version = registry.get(session, MODEL, number)
    (answer,) = registry.answers_to(registry.load(project.store, project.plugins, version), [row])
    assert isinstance(answer, float)
    return answer


def answer(project: Project, id_: str, inputs: dict[str, Any], output: float | None, **more: Any) -> None:
    """As the journal has it once it is shipped."""
    now = clock.wall()
    told = {"version": 1, "error": None, **more}
    with project.store.transaction("test", "ship", "journal") as session:
        session.add(
            tables.Prediction(
                id=id_, model=MODEL, arm="champion", epoch=1, entity=id_, at=now, recorded_at=now, latency_us=1,
                inputs=inputs, output=output, unseen=[], **told,
            )
        )  # fmt: skip


def test_what_the_journal_has_is_recorded_once_newest_first(made: Project, golden: Run, tmp_path: Path) -> None:
    rows = [{**INPUTS, "age": float(age)} for age in (30, 40, 50)]
    for number, row in enumerate([*rows, rows[0]]):
        answer(made, f"p{number}", row, said(made, 1, row))
    answer(made, "of another version", INPUTS, 0.5, version=2)
    answer(made, "an error", INPUTS, None, error="it failed")
    answer(made, "encrypted", {**INPUTS, "age": {"k": "1", "v": "x"}}, 0.5)
    code, out, _ = golden("record", MODEL, "--out", str(tmp_path / "golden" / "own.json"), "--last", "2")
    assert (0, True) == (code, "wrote 2 golden requests of model/employment v1" in out)
    told = json.loads((tmp_path / "golden" / "own.json").read_text())
    assert [("p3", rows[0], said(made, 1, rows[0])), ("p2", rows[2], said(made, 1, rows[2]))] == [
        (one["id"], one["inputs"], one["expect"]) for one in told["requests"]
    ]


def test_what_the_version_does_not_answer_again_is_not_recorded(made: Project, golden: Run, tmp_path: Path) -> None:
    answer(made, "p", INPUTS, said(made, 1, INPUTS) + 0.1)
    code, _, err = golden("record", MODEL, "--out", str(tmp_path / "own.json"))
    assert (Exit.REFUSED, True, False) == (
        code,
        "error[golden-answers]: model/employment v1 answers 1 of 1 requests otherwise: p:" in err,
        (tmp_path / "own.json").exists(),
    )


def test_an_empty_journal_says_what_to_do(golden: Run, tmp_path: Path) -> None:
    code, _, err = golden("record", MODEL, "--out", str(tmp_path / "own.json"))
    assert (Exit.FAILED, True) == (code, "error[golden-requests]: the journal has no answer of model/employment v1" in err)


@pytest.mark.parametrize("named", [[INPUTS], {"requests": [{"id": "mine", "inputs": INPUTS, "expect": 7.0}]}])
def test_rows_of_a_file_are_answered_now_and_asked_again(made: Project, golden: Run, tmp_path: Path, named: Any) -> None:
    (tmp_path / "rows.json").write_text(json.dumps(named))
    file = str(tmp_path / "own.json")
    code, _, err = golden("record", MODEL, "--from", str(tmp_path / "rows.json"), "--out", file)
    assert (0, "") == (code, err)
    (one,) = json.loads(Path(file).read_text())["requests"]
    assert (said(made, 1, INPUTS), INPUTS, isinstance(named, dict)) == (one["expect"], one["inputs"], one.get("id") == "mine")
    assert (0, f"{file}: model/employment v1 answers 1 of 1 as expected\n") == golden("replay", MODEL, "--file", file)[:2]
    code, out, err = golden("replay", f"{MODEL}@2", "--file", file, "--json")
    assert (Exit.REFUSED, False, "") == (code, json.loads(out)["asked"][0]["passed"], err)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("{", "is no JSON"),
        ("{}", "holds no list of requests"),
        ("[]", "has no request"),
        ("[1]", "is no object of inputs"),
        ('[{"age": 30}]', "it has no `education`, which is an input of the model"),
    ],
)
def test_a_file_that_is_none_is_said(golden: Run, tmp_path: Path, text: str, says: str) -> None:
    (tmp_path / "rows.json").write_text(text)
    code, _, err = golden("record", MODEL, "--from", str(tmp_path / "rows.json"), "--out", str(tmp_path / "own.json"))
    assert (True, True, False) == (code in {Exit.FAILED, Exit.REFUSED}, says in err, (tmp_path / "own.json").exists()), err


def test_a_file_that_is_there_stays(golden: Run, tmp_path: Path) -> None:
    (tmp_path / "own.json").write_text("mine")
    code, _, err = golden("record", MODEL, "--out", str(tmp_path / "own.json"))
    assert (Exit.USAGE, True, "mine") == (code, "`--overwrite` replaces it" in err, (tmp_path / "own.json").read_text())


@pytest.fixture
def server() -> Iterator[Any]:
    """A real one over HTTP that answers every row with one number, or refuses."""
    heard: list[tuple[str, dict[str, Any]]] = []

    class Handler(BaseHTTPRequestHandler):
        said: ClassVar[Any] = {"prediction": 0.5}

        def do_POST(self) -> None:
            heard.append((self.path, json.loads(self.rfile.read(int(self.headers["content-length"])))))
            self.send_response(422 if "detail" in self.said else 200)
            self.end_headers()
            self.wfile.write(json.dumps(self.said).encode())

        def log_message(self, *_: Any) -> None:
            pass

    listening = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=listening.serve_forever, daemon=True).start()
    Handler.heard, Handler.url = heard, f"http://127.0.0.1:{listening.server_port}"  # type: ignore[attr-defined]
    yield Handler
    listening.shutdown()
    listening.server_close()


@pytest.mark.parametrize(("expect", "code"), [(0.5, 0), (0.6, Exit.REFUSED)])
def test_a_running_server_is_asked_row_by_row(golden: Run, tmp_path: Path, server: Any, expect: float, code: int) -> None:
    (tmp_path / "own.json").write_text(json.dumps({"requests": [{"inputs": INPUTS, "expect": expect}]}))
    assert code == golden("replay", MODEL, "--file", str(tmp_path / "own.json"), "--url", server.url)[0]
    assert [("/predict", {**INPUTS, "person_id": "golden"})] == server.heard


def test_what_a_server_refuses_is_no_answer_and_nobody_there_is_said(golden: Run, tmp_path: Path, server: Any) -> None:
    server.said = {"type": "urn:headrace:invalid", "detail": "no such row"}
    (tmp_path / "own.json").write_text(json.dumps({"requests": [{"inputs": INPUTS, "expect": 0.5}]}))
    code, out, _ = golden("replay", MODEL, "--file", str(tmp_path / "own.json"), "--url", server.url)
    assert (Exit.REFUSED, True) == (code, "there is no answer: no such row" in out)
    code, _, err = golden("replay", MODEL, "--file", str(tmp_path / "own.json"), "--url", "http://127.0.0.1:9")
    assert (Exit.FAILED, True) == (code, "error[server-away]" in err)


def test_gates_of_the_specs_are_listed_and_asked(made: Project, golden: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    from types import SimpleNamespace

    from headrace.cli import golden as words

    gates = [SimpleNamespace(gate=None), *(SimpleNamespace(gate="golden", id=n, params={"file": f"{n}.json", "max": 0}) for n in "ab")]
    monkeypatch.setattr(words, "load_project", lambda *_: SimpleNamespace(models=[SimpleNamespace(name=MODEL, gates=gates)]))
    (made.root / "a.json").write_text(json.dumps({"requests": [{"inputs": INPUTS, "expect": said(made, 1, INPUTS)}]}))
    with made.store.transaction("test", "judge", MODEL) as session:
        told = {"gate": "a", "metric": "golden", "passed": True, "mode": "block", "reason": "all are"}
        session.add(tables.Verdict(model=MODEL, number=2, run_id="r", at=clock.wall(), **told))
    code, out, _ = golden("list", MODEL)
    assert (0, True, True, True) == (code, "1 within 1e-06" in out, "v2 passed" in out, "b.json cannot be read: No such file" in out)
    code, _, err = golden("replay", MODEL)
    assert (Exit.FAILED, True) == (code, "b.json cannot be read" in err)
    (made.root / "b.json").write_text((made.root / "a.json").read_text())
    code, out, _ = golden("replay", MODEL)
    assert (0, 2) == (code, out.count("answers 1 of 1 as expected"))


def test_the_port_of_the_spec_is_asked_where_it_is_here(made: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    from headrace.cli.place import serving_of

    asking = golden_file.asked_of(serving_of(made.root, MODEL), made.root, "here")
    assert ("http://127.0.0.1:8080", "person_id") == (asking.url, asking.entity)
