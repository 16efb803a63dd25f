"""What a training would find missing is said before it starts: at its place, once a source, and never over the network."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from headrace.diagnostics import Exit
from headrace.plan.look import look

URI = "package://nannyml/datasets/data/employment_MA_reference.pq"


def found(folder, *models: str):
    looked = look(folder.project(), models or ("employment",), folder.root)
    return [(fault.id, f"{fault.span.file}:{fault.span.line}" if fault.span else "", fault.help) for fault in looked.report]


def line(folder, text: str):
    lines = (folder.root / "specs" / "sources.yaml").read_text(encoding="utf-8").splitlines()
    return f"specs/sources.yaml:{next(number for number, one in enumerate(lines, 1) if text in one)}"


def to_csv(folder, header: str):
    folder.edit("sources.yaml", URI, "rows.csv")
    (folder.root / "rows.csv").write_text(header, encoding="utf-8")


def header(folder):
    source = next(source for source in folder.project().sources if source.name == "census")
    return [item.from_ or name for name, item in source.columns.items()]


def test_what_is_there_is_no_fault(folder):
    assert [] == found(folder)


def test_a_file_that_is_not_there_is_told_where_its_address_stands(folder):
    folder.edit("sources.yaml", URI, "rows.pq")
    assert [("source-not-found", line(folder, "rows.pq"), f"looked for at {folder.root / 'rows.pq'}")] == found(folder)


def test_a_column_that_the_file_has_not_is_told_where_it_stands(folder):
    folder.edit("sources.yaml", "from: AGEP", "from: AGEPP")
    assert [("missing-column", line(folder, "AGEPP"), "did you mean `AGEP`?")] == found(folder)


def test_every_column_that_is_missing_is_told_at_once(folder):
    to_csv(folder, "one,two\n")
    assert {"missing-column"} == {id_ for id_, *_ in found(folder)}
    assert len(found(folder)) == len(header(folder))


def test_of_a_csv_file_only_the_header_is_read(folder):
    to_csv(folder, "\ufeff" + ",".join(f'"{name}"' for name in header(folder)) + '\n"never closed')
    assert [] == found(folder)


@pytest.mark.parametrize(("name", "text", "id_"), [("rows.pq", "no parquet", "source-unreadable"), ("rows.xyz", "", "unknown-format")])
def test_a_file_that_cannot_be_read_is_told(folder, name: str, text: str, id_: str):
    folder.edit("sources.yaml", URI, name)
    (folder.root / name).write_text(text, encoding="utf-8")
    assert [(id_, line(folder, name))] == [fault[:2] for fault in found(folder)]


def test_what_is_elsewhere_is_not_looked_at_and_the_plan_says_so(folder):
    folder.edit("sources.yaml", URI, "s3://bucket/rows.pq")
    looked = look(folder.project(), ("employment",), folder.root)
    assert (True, ("source/census is not on this machine: not looked at; `headrace check source/census` reads it",)) == (
        looked.report.ok,
        looked.notes,
    )


def to_table(folder, table: str):
    import sqlite3

    with sqlite3.connect(folder.root / "shop.db") as database:
        database.execute(f"CREATE TABLE people ({', '.join(f'{name} TEXT' for name in header(folder))})")
    folder.edit("sources.yaml", f"uri: {URI}", f"uri: sqlite:///shop.db\ntable: {table}")


def test_a_table_of_this_machine_is_looked_at(folder):
    to_table(folder, "people")
    assert [] == found(folder)
    folder.edit("sources.yaml", "from: AGEP", "from: AGEPP")
    assert [("missing-column", line(folder, "AGEPP"), "did you mean `AGEP`?")] == found(folder)


def test_a_table_that_is_not_there_is_told_where_it_is_named(folder):
    to_table(folder, "peple")
    assert [("source-not-found", line(folder, "table: peple"), "did you mean `people`?")] == found(folder)


def test_of_several_files_each_is_looked_at(folder):
    names = header(folder)
    folder.edit("sources.yaml", URI, "rows/*.csv")
    (folder.root / "rows").mkdir()
    for file, columns in (("1.csv", names), ("2.csv", ["AGE", *names[2:], names[0]])):
        (folder.root / "rows" / file).write_text(",".join(columns) + "\n", encoding="utf-8")
    looked = look(folder.project(), ("employment",), folder.root)
    assert ["source/census has no column `AGEP` in rows/2.csv"] == [fault.message for fault in looked.report]


def test_a_server_is_not_asked_and_a_function_is_not_called(folder, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("PEOPLE_URL", "postgresql://ana:canary-word@127.0.0.1:1/people")
    folder.edit("sources.yaml", f"uri: {URI}", "uri: env:PEOPLE_URL\ntable: people")
    looked = look(folder.project(), ("employment",), folder.root)
    assert (True, ("source/census is not on this machine: not looked at; `headrace check source/census` reads it",)) == (
        looked.report.ok,
        looked.notes,
    )
    (folder.root / "own_never_called.py").write_text("raise SystemExit(1)\n\n\ndef people():\n    raise OSError\n", encoding="utf-8")
    folder.edit("sources.yaml", "uri: env:PEOPLE_URL\ntable: people", "python: own_never_called:people")
    looked = look(folder.project(), ("employment",), folder.root)
    assert (True, ("source/census is made by `own_never_called:people`: not looked at; `headrace check source/census` reads it",)) == (
        looked.report.ok,
        looked.notes,
    )


def test_what_a_check_compares_with_is_looked_at_too(folder):
    check = "checks: [{id: ids, column: person_id, refers: {to: source/others, column: id}}]\n"
    others = "---\nkind: source\nname: others\nuri: others.csv\ncolumns: {id: {type: int64}}\n"
    path = folder.root / "specs" / "sources.yaml"
    before, between, after = path.read_text(encoding="utf-8").partition("---\n")
    head = "".join(f"{one}\n" for one in before.splitlines() if not one.startswith(("checks:", "  - {id:")))
    path.write_text(head + check + others + between + after, encoding="utf-8")
    assert [("source-not-found", line(folder, "uri: others.csv"), f"looked for at {folder.root / 'others.csv'}")] == found(folder)


def test_where_nothing_is_trained_nothing_is_looked_at(folder):
    folder.edit("sources.yaml", URI, "rows.pq")
    assert () == look(folder.project(), (), folder.root).notes
    assert [] == found(folder, "another")


def test_a_source_is_looked_at_once_however_many_read_it(folder, monkeypatch: pytest.MonkeyPatch):
    text = (folder.root / "specs" / "employment.yaml").read_text(encoding="utf-8")
    copied = text.replace("name: employment", "name: second").replace("port: 8080", "port: 8090")
    (folder.root / "specs" / "second.yaml").write_text(copied, encoding="utf-8")
    from headrace.features import source

    asked: list[str] = []
    names = source.names
    monkeypatch.setattr(source, "names", lambda root, name, uri, readers: asked.append(name) or names(root, name, uri, readers))
    assert [] == found(folder, "employment", "second")
    assert ["census"] == asked


def test_where_nothing_is_trained_no_reader_is_loaded(folder):
    code = """
import sys
from pathlib import Path
from headrace import project
from headrace.diagnostics import Report
from headrace.plan.look import look
look(project.load(Path(), Report()), (), Path())
print(sorted({"pyarrow", "pandas"} & set(sys.modules)))
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=folder.root)
    assert "[]\n" == done.stdout


# the commands --------------------------------------------------------------------------------------------------


def headrace(folder, *arguments: str):
    environment = {**os.environ, "PREFECT_API_URL": "http://127.0.0.1:1/api"}
    command = [sys.executable, "-m", "headrace", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=folder.root, env=environment)
    return done.returncode, done.stdout, done.stderr


def test_a_plan_is_shown_and_then_what_its_training_would_lack(folder):
    folder.edit("sources.yaml", "from: AGEP", "from: AGEPP")
    code, out, err = headrace(folder, "plan")
    assert (Exit.INVALID, True) == (code, "model/employment would be trained" in out)
    assert "error[missing-column]: source/census has no column `AGEPP` (`age`)" in err
    assert f"--> {line(folder, 'AGEPP')}" in err
    assert "from: AGEPP" in err.partition("-->")[2]
