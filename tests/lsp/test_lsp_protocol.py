"""The language server over its real protocol, in a process of its own."""

import sys
from pathlib import Path

import pytest
from talk import Editor


def place(text: str, word: str, *, after: int = 0) -> tuple[int, int]:
    """Line and column of the first occurrence of a word, from 0."""
    before = text[: text.index(word) + after]
    return before.count("\n"), len(before) - before.rfind("\n") - 1


def test_it_says_what_it_can(editor: Editor) -> None:
    wanted = {"completionProvider", "hoverProvider", "definitionProvider", "documentSymbolProvider", "codeActionProvider"}
    assert wanted <= {name for name, able in editor.able.items() if able}
    assert 0 == editor.end()


def test_a_fault_is_told_mended_and_gone(editor: Editor, model: Path) -> None:
    text = model.read_text()
    editor.open(model, text.replace("port: 8080", "prt: 8080"))
    (fault,) = editor.published(model, bool)
    line, column = place(text, "port:")
    assert ("unknown-key", 1, "headrace") == (fault["code"], fault["severity"], fault["source"])
    assert {"start": {"line": line, "character": column}, "end": {"line": line, "character": column + 3}} == fault["range"]
    assert "did you mean `port`?" in fault["message"]
    (action,) = editor.ask(
        "textDocument/codeAction",
        {"textDocument": {"uri": model.as_uri()}, "range": fault["range"], "context": {"diagnostics": [fault]}},
    )
    assert ("Write `port`", "quickfix", [{"range": fault["range"], "newText": "port"}]) == (
        action["title"],
        action["kind"],
        action["edit"]["changes"][model.as_uri()],
    )
    editor.change(model, text)
    assert [] == editor.published(model, lambda found: not found)


def test_a_fault_in_another_file_follows_from_what_is_typed_here(editor: Editor, root: Path) -> None:
    """The whole project is looked at, with the open text in the place of the file."""
    sources, model = root / "specs" / "sources.yaml", root / "specs" / "employment.yaml"
    editor.open(sources, sources.read_text().replace("name: census\n", "name: censuss\n"))
    codes = [fault["code"] for fault in editor.published(model, bool)]
    assert "unknown-reference" in codes
    editor.change(sources, sources.read_text())
    assert [] == editor.published(model, lambda found: not found)
    assert "name: census\n" in sources.read_text()


def test_a_file_that_is_closed_counts_as_it_stands_on_disk(editor: Editor, model: Path) -> None:
    editor.open(model, "kind: model\n")
    assert editor.published(model, bool)
    editor.tell("textDocument/didClose", {"textDocument": {"uri": model.as_uri()}})
    assert [] == editor.published(model, lambda found: not found)


def test_a_file_that_is_not_saved_yet(editor: Editor, root: Path) -> None:
    fresh = root / "specs" / "fresh.yaml"
    editor.open(fresh, "kind: channel\nname: fresh\ntype: lgo\nparams: {path: told.log}\n")
    assert ["unknown-channel-type"] == [fault["code"] for fault in editor.published(fresh, bool)]


def test_completion_over_the_wire(editor: Editor, model: Path) -> None:
    text = model.read_text() + "\nserv"
    editor.open(model, text.replace("serving:", "x-serving:"))
    found = editor.at("completion", model, text.count("\n"), 4)
    assert "serving" in [item["label"] for item in found["items"]]
    assert 0 == editor.end()


def typed(editor: Editor, model: Path, text: str, word: str) -> dict[str, str]:
    """What is offered behind a word, with the text that its edit makes of the line, columns counted in UTF-16."""
    line, column = place(text, word, after=len(word))
    written = text.split("\n")[line]
    column = len(written[:column].encode("utf-16-le")) // 2
    found = editor.at("completion", model, line, column)["items"]
    made = {}
    for item in found:
        if "textEdit" in item:
            start, end = (item["textEdit"]["range"][side]["character"] * 2 for side in ("start", "end"))
            units = written.encode("utf-16-le")
            made[item["label"]] = (
                (units[:start] + item["textEdit"]["newText"].encode("utf-16-le") + units[end:]).decode("utf-16-le").strip()
            )
    return made


def test_names_in_a_condition_over_the_wire_while_the_line_is_broken(editor: Editor, model: Path) -> None:
    """The bracket and the quotes behind the cursor are not there yet, and a letter before it takes two units."""
    text = model.read_text()
    first, rest = text.split("  alerts:\n")
    text = f'{first}  alerts:\n    - {{id: a, x-note: 😀, when: "performance.\n{rest}'
    editor.open(model, text)
    made = typed(editor, model, text, '"performance.')
    assert {"performance.roc_auc", "drift.share", "unseen.share"} <= set(made)
    assert '- {id: a, x-note: 😀, when: "performance.roc_auc' == made["performance.roc_auc"]


def test_columns_of_another_file_that_is_not_saved_over_the_wire(editor: Editor, root: Path, model: Path) -> None:
    features = root / "specs" / "features.yaml"
    editor.open(features, features.read_text().replace("features:\n", "features:\n  fresh: {column: age}\n", 1))
    text = model.read_text().replace("by: sex", "by: ")
    editor.open(model, text)
    assert "fresh" in typed(editor, model, text, "equalized_odds_difference, by: ")


def test_variables_over_the_wire(editor: Editor, root: Path, model: Path) -> None:
    project = root / "specs" / "headrace.yaml"
    editor.open(project, project.read_text().replace("kind: project\n", "kind: project\nvariables: {seed: 9}\n"))
    text = model.read_text().replace("seed: 7", 'seed: "${var.')
    editor.open(model, text)
    assert 'seed: "${var.seed}' == typed(editor, model, text, "${var.")["var.seed"]


def test_hover_on_a_quantity_over_the_wire(editor: Editor, model: Path) -> None:
    editor.open(model)
    told = editor.at("hover", model, *place(model.read_text(), "drift.share", after=2))["contents"]["value"]
    assert "**drift.share**\n\nThe share of the watched features, the answers among them, that drifted." in told


def test_an_editor_without_snippets_gets_plain_text(model: Path) -> None:
    editor = Editor(snippets=False)
    editor.open(model, "kind: model\nname: a\n")
    items = editor.at("completion", model, 2, 0)["items"]
    assert {"training: "} <= {item["insertText"] for item in items}
    assert not any("insertTextFormat" in item for item in items)
    editor.close()


def test_hover_tells_field_and_fault(editor: Editor, model: Path) -> None:
    text = model.read_text().replace("seed: 7", "seed: seven")
    editor.open(model, text)
    editor.published(model, bool)
    told = editor.at("hover", model, *place(text, "seven"))["contents"]["value"]
    assert "error[wrong-type]" in told
    assert "changing it costs: retrain" in told


def test_definition_over_the_wire(editor: Editor, root: Path, model: Path) -> None:
    editor.open(model)
    found = editor.at("definition", model, *place(model.read_text(), "source/census", after=8))
    sources = root / "specs" / "sources.yaml"
    line, column = place(sources.read_text(), "name: census\n", after=6)
    assert (sources.as_uri(), {"line": line, "character": column}) == (found["uri"], found["range"]["start"])


def test_symbols_over_the_wire(editor: Editor, model: Path) -> None:
    editor.open(model)
    (document,) = editor.ask("textDocument/documentSymbol", {"textDocument": {"uri": model.as_uri()}})
    sections = {section["name"]: [item["name"] for item in section.get("children", [])] for section in document["children"]}
    assert ("model/employment", ["quality", "useful", "champion", "honest", "everywhere", "fair"]) == (
        document["name"],
        sections["gates"][:6],
    )


@pytest.mark.parametrize(("encodings", "units"), [(None, 2), (["utf-8"], 4), (["utf-32"], 1)])
def test_columns_are_counted_as_the_client_counts(model: Path, encodings: list[str] | None, units: int) -> None:
    editor = Editor(encodings=encodings)
    editor.open(model, "kind: model\nname: a\nlabels: {a: 😀, b: 1}\n")
    fault = next(f for f in editor.published(model, bool) if f["code"] == "wrong-type")
    assert 12 + units + 5 == fault["range"]["start"]["character"]
    editor.close()


def test_after_a_wrong_request_the_next_one_is_answered(editor: Editor, model: Path) -> None:
    editor.open(model)
    editor.send({"id": "wrong", "method": "textDocument/hover", "params": {"nonsense": True}})
    assert "error" in editor.answer("headrace/nothing", {})
    assert editor.at("hover", model, 14, 3) is not None
    assert 0 == editor.end()


CRASHING = """
import sys
from headrace.lsp.server import server
made = server()

@made.feature("headrace/crash")
def crash(ls, params):
    raise RuntimeError("on purpose")

made.start_io()
"""


def test_a_crash_in_one_request_ends_nothing(model: Path) -> None:
    editor = Editor([sys.executable, "-c", CRASHING])
    editor.open(model)
    assert "on purpose" in str(editor.answer("headrace/crash", {})["error"])
    assert editor.at("hover", model, 14, 3) is not None
    assert 0 == editor.end()
    editor.close()


NOISY = 'import os, sys\nprint("hello")\nos.write(1, b"hello")\nraise SystemExit("I go")\n'


def test_a_plugin_that_prints_and_exits_reaches_no_protocol(editor: Editor, root: Path, model: Path) -> None:
    (root / "plugins").mkdir()
    (root / "plugins" / "noisy.py").write_text(NOISY)
    editor.open(model)
    (fault,) = editor.published(root / "plugins" / "noisy.py", bool)
    assert ("plugin-failed", True) == (fault["code"], "noisy.py" in fault["message"])
    assert 0 == editor.end()


def test_a_file_that_is_no_spec_is_left_alone(editor: Editor, tmp_path: Path) -> None:
    other = tmp_path / "compose.yaml"
    editor.open(other, "kind: x\n")
    assert [None, {"isIncomplete": False, "items": []}] == [editor.at(method, other, 0, 0) for method in ("hover", "completion")]
    assert 0 == editor.end()


def test_an_editor_that_dies_ends_the_server(editor: Editor) -> None:
    assert editor.process.stdin is not None
    editor.process.stdin.close()
    assert 0 == editor.process.wait()


def test_a_fix_of_several_changes_is_offered_whole(editor: Editor, model: Path) -> None:
    """A key that belongs in another section is moved there, and the project is whole again."""
    text = model.read_text().replace("  seed: 7\n", "").replace("serving:\n", "serving:\n  seed: 7\n")
    editor.open(model, text)
    fault = next(f for f in editor.published(model, bool) if f["code"] == "misplaced-key")
    where = {"textDocument": {"uri": model.as_uri()}, "range": fault["range"], "context": {"diagnostics": [fault]}}
    (action,) = editor.ask("textDocument/codeAction", where)
    edits = action["edit"]["changes"][model.as_uri()]
    assert len(edits) > 1
    lines = text.splitlines(keepends=True)
    starts = [sum(map(len, lines[:number])) for number in range(len(lines) + 1)]
    for edit in sorted(edits, key=lambda e: (e["range"]["start"]["line"], e["range"]["start"]["character"]), reverse=True):
        first, last = (starts[edit["range"][end]["line"]] + edit["range"][end]["character"] for end in ("start", "end"))
        text = text[:first] + edit["newText"] + text[last:]
    editor.change(model, text)
    assert [] == editor.published(model, lambda found: not found)
