"""What always holds of overlays, of both loaders, and of validation: it opens no socket and writes nothing."""

import random
import shutil
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from headrace import project
from headrace.cli import main
from headrace.compiler import compile_project
from headrace.diagnostics import Report
from headrace.document import parse, write
from headrace.hooks import Plugins, load_plugins
from headrace.plan.diff import fingerprint
from headrace.project import Project
from headrace.spec.decode import plain

SPECS = sorted((Path(__file__).parents[2] / "specs").glob("*.yaml"))
DOCUMENTS: list[dict[str, Any]] = [plain(node) for path in SPECS for node in parse(path.read_bytes(), path.name, Report())]
PATCHED = [d for d in DOCUMENTS if d["kind"] not in ("project", "environment")]


@pytest.fixture(scope="module")
def plugins() -> Plugins:
    return load_plugins(None, Report())


def loaded(root: Path, plugins: Plugins, *documents: dict[str, Any]) -> Project:
    shutil.copytree(SPECS[0].parent, root / "specs", ignore=shutil.ignore_patterns("*.yaml"))
    (root / "specs" / "all.yaml").write_text("---\n".join(write(document) for document in documents))
    report = Report()
    found = project.load(root, report, plugins=plugins, shell={})
    assert [] == [(d.id, d.message, d.span) for d in report]
    assert found is not None
    return found


def part(value: Any, chance: random.Random, *, name: str | None = None) -> Any:
    """Some of what stands there already: a patch that says what is so."""
    if isinstance(value, dict):
        return {key: part(inner, chance) for key, inner in value.items() if key == name or chance.random() < 0.5}
    if isinstance(value, tuple) and value and all(isinstance(item, dict) and "id" in item for item in value):
        return tuple(part(item, chance, name="id") for item in value if chance.random() < 0.7)
    return value


@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 2**32))
def test_an_overlay_that_says_what_is_so_changes_nothing(tmp_path_factory: pytest.TempPathFactory, plugins: Plugins, seed: int) -> None:
    """No patches, empty ones, and ones that repeat: equal project, fingerprints and compiled bytes."""
    chance = random.Random(seed)
    patches = {}
    for document in PATCHED:
        said = part({key: value for key, value in document.items() if key not in ("kind", "name")}, chance)
        if chance.random() < 0.6:
            patches[f"{document['kind']}/{document['name']}"] = said
    overlay = {"kind": "overlay", "name": "same", "environment": "dev", "patches": patches}
    before = loaded(tmp_path_factory.mktemp("before"), plugins, *DOCUMENTS)
    after = loaded(tmp_path_factory.mktemp("after"), plugins, *DOCUMENTS, overlay)
    assert before == after
    assert [fingerprint(s) for s in before.specs.values()] == [fingerprint(after.specs[a]) for a in before.specs]
    assert compile_project(before) == compile_project(after)


@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 2**32))
def test_a_value_and_a_variable_of_that_value_are_the_same(tmp_path_factory: pytest.TempPathFactory, plugins: Plugins, seed: int) -> None:
    """Scalars of any document, given as variables or as defaults: equal specs, fingerprints and compiled bytes."""
    chance = random.Random(seed)
    variables: dict[str, Any] = {}

    def moved(value: Any, key: str = "") -> Any:
        if isinstance(value, dict):
            return {k: moved(v, k) for k, v in value.items()}
        if isinstance(value, tuple):
            return tuple(moved(item) for item in value)
        if key in ("kind", "name", "id") or chance.random() < 0.6 or (isinstance(value, str) and "$" in value):
            return value
        if isinstance(value, str):
            name = f"v{len(variables)}"
            variables[name] = value
            return "${var." + name + "}"
        return "${var.none | " + ("true" if value is True else "false" if value is False else repr(value)) + "}"

    documents = [d if d["kind"] in ("project", "environment") else moved(d) for d in DOCUMENTS]
    given_ = [{**d, "variables": variables} if d["kind"] == "project" else d for d in documents]
    before = loaded(tmp_path_factory.mktemp("before"), plugins, *DOCUMENTS)
    after = loaded(tmp_path_factory.mktemp("after"), plugins, *given_)
    assert {a: s for a, s in before.specs.items() if a.kind != "project"} == {a: s for a, s in after.specs.items() if a.kind != "project"}
    assert compile_project(before) == compile_project(after)


def shapes() -> st.SearchStrategy[str]:
    """YAML of the dialect as a person writes it, and what one gets wrong: both quotes, blocks, flows, comments, odd scalars."""
    odd = [
        "1e-3",
        "no",
        "on",
        "012",
        "1_000",
        "22:30",
        "2026-01-01",
        "0x1F",
        ".5",
        "~",
        "null",
        "''",
        '"é\\n"',
        "a b",
        "-",
        "<<",
        "=",
        "1.",
        "+7",
    ]
    scalar = st.sampled_from([*odd, "&a x", "*a", "${var.x}", "日本", "'it''s'", "true", "9" * 19, "-9" * 3])
    key = st.sampled_from(["a", "b", "é", "on", "1", '"q r"', "x-y"])
    return st.recursive(
        scalar,
        lambda inner: st.one_of(
            st.lists(inner, max_size=3).map(lambda items: f"[{', '.join(items)}]"),
            st.dictionaries(key, inner, max_size=3).map(lambda d: "{" + ", ".join(f"{k}: {v}" for k, v in d.items()) + "}"),
        ),
        max_leaves=8,
    )


@settings(max_examples=300, deadline=None)
@given(
    st.dictionaries(st.sampled_from(["a", "b", "é", "on", "k"]), shapes(), min_size=1, max_size=4),
    st.sampled_from(["\n", "\r\n", " # é\n"]),
)
def test_both_loaders_read_the_same(given_: dict[str, str], end: str) -> None:
    """Values, places and faults, all of them."""
    text = "".join(f"{key}: {value}{end}" for key, value in given_.items())
    found = []
    for loader in (yaml.CSafeLoader, yaml.SafeLoader):
        report = Report()
        nodes = parse(text, "f", report, loader=loader)
        found.append((repr(nodes), [(d.id, d.span) for d in report]))
    assert found[0] == found[1]


def listing(root: Path) -> Iterator[tuple[str, int, bytes]]:
    for path in sorted(root.rglob("*")):
        yield str(path), path.stat().st_mtime_ns, path.read_bytes() if path.is_file() else b""


@pytest.mark.parametrize("arguments", [["validate"], ["validate", "--env", "dev"], ["show", "--env", "dev"], ["validate", "--json"]])
def test_reading_opens_no_socket_and_writes_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], arguments: list[str]
) -> None:
    def refused(*_: object, **__: object) -> None:
        raise AssertionError("a socket was asked for")

    shutil.copytree(SPECS[0].parent, tmp_path / "specs")
    before = list(listing(tmp_path))
    monkeypatch.setattr(socket, "socket", refused)
    monkeypatch.setattr(socket, "create_connection", refused)
    with pytest.raises(SystemExit) as end:
        main([*arguments, "--root", str(tmp_path)])
    assert (0, before) == (end.value.code, list(listing(tmp_path)))
    assert capsys.readouterr().out
