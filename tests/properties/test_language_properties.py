"""What always holds of the language: how a spec is written changes nothing, and every fault is where the mistake was made."""

import random
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from headrace import project
from headrace.diagnostics import Report, Span
from headrace.document import Entry, Mapping, Node, Scalar, Sequence, parse
from headrace.hooks import Plugins, load_plugins
from headrace.project import Project
from headrace.spec.decode import decode, plain
from headrace.spec.value import Names, Replacing

SPECS = sorted((Path(__file__).parents[2] / "specs").glob("*.yaml"))


def nodes(path: Path) -> Iterator[Node]:
    """The documents of a file, their expressions replaced as in an empty shell."""
    for node in parse(path.read_bytes(), path.name, Report()):
        yield Replacing(Names({}, {}), Report()).document(node)


def documents() -> list[dict[str, Any]]:
    return [plain(node) for path in SPECS for node in nodes(path)]


def shuffled(value: Any, chance: random.Random) -> Any:
    if isinstance(value, dict):
        items = list(value.items())
        chance.shuffle(items)
        return {key: shuffled(inner, chance) for key, inner in items}
    return [shuffled(inner, chance) for inner in value] if isinstance(value, tuple) else value


class Anyhow(yaml.CSafeDumper):
    """Writes flow or block, and text in any of its quotes."""

    chance = random.Random(0)

    def ignore_aliases(self, data: object) -> bool:  # noqa: ARG002
        return True


def text_of(dumper: Anyhow, data: str) -> yaml.ScalarNode:
    return dumper.represent_scalar("tag:yaml.org,2002:str", data, style=dumper.chance.choice(["'", '"', '"']))


Anyhow.add_representer(str, text_of)


def written(document: dict[str, Any], chance: random.Random) -> str:
    """A document in another order, other quotes, other collections and with comments."""
    Anyhow.chance = chance
    text: str = yaml.dump(
        shuffled(document, chance),
        Dumper=Anyhow,
        sort_keys=False,
        allow_unicode=chance.random() < 0.5,
        default_flow_style=chance.choice([None, True, False]),
        indent=chance.choice([2, 3, 4]),
        width=1 << 20,
    )
    lines = [f"{line}  # {chance.choice(['a', 'é', 'kind: x', '{'])}" if chance.random() < 0.3 else line for line in text.splitlines()]
    return "\n".join(lines) + chance.choice(["\n", "\r\n", "\n\n# the end\n"])


@pytest.fixture(scope="module")
def plugins() -> Plugins:
    return load_plugins(None, Report())


def loaded(root: Path, plugins: Plugins) -> Project:
    report = Report()
    found = project.load(root, report, plugins=plugins)
    assert found is not None, report.found
    return found


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 2**32))
def test_how_a_project_is_written_changes_nothing(tmp_path_factory: pytest.TempPathFactory, plugins: Plugins, seed: int) -> None:
    """Order of keys, comments, quotes, flow or block, order of documents, their files and the files' names."""
    chance = random.Random(seed)
    root = tmp_path_factory.mktemp("project")
    shutil.copytree(SPECS[0].parent, root / "specs", ignore=shutil.ignore_patterns("*.yaml"))
    docs = documents()
    chance.shuffle(docs)
    files: dict[str, list[str]] = {}
    for document in docs:
        files.setdefault(f"{chance.choice('abcdef')}{chance.choice(['.yaml', '.yml'])}", []).append(written(document, chance))
    for name, texts in files.items():
        (root / "specs" / name).write_text("---\n".join(texts), newline="")
    assert loaded(SPECS[0].parents[1], plugins) == loaded(root, plugins)


def below(node: Node, path: tuple[str | int, ...] = ()) -> Iterator[tuple[tuple[str | int, ...], Mapping, Entry]]:
    """Every entry with its mapping."""
    match node:
        case Mapping(entries):
            for entry in entries:
                yield path, node, entry
                yield from below(entry.value, (*path, entry.key))
        case Sequence(items):
            for position, item in enumerate(items):
                yield from below(item, (*path, position))
        case Scalar():
            pass


def at(node: Node, path: tuple[str | int, ...]) -> tuple[Node | None, Span | None]:
    """A node, and the key under which it stands."""
    key = None
    for part in path:
        if isinstance(node, Mapping):
            entry = node.get(str(part))
            if entry is None:
                return None, key
            node, key = entry.value, entry.key_span
        elif isinstance(node, Sequence) and isinstance(part, int):
            node = node.items[part]
    return node, key


def within(inner: Span, outer: Span) -> bool:
    return (outer.line, outer.column) <= (inner.line, inner.column) and (inner.end_line, inner.end_column) <= (
        outer.end_line,
        outer.end_column,
    )


OTHERS = [None, True, 12345678, -1.5, "zzz", "", (), {}, ("zzz",), {"zzz": 1}]
FREE = {"labels", "annotations", "params", "map", "use", "columns", "features"}
"""Under these keys stand the user's own."""


def mutated(kind: str, other: object, mapping: dict[str, Any], key: str) -> dict[str, Any]:
    """The mapping with one key dropped, renamed or of another value; all other keys as they are."""
    changed = {}
    for name, value in mapping.items():
        if name != key:
            changed[name] = value
        elif kind == "rename":
            changed[f"{name}qq"] = value
        elif kind == "retype":
            changed[name] = other
    return changed


def applied(document: Any, path: tuple[str | int, ...], change: Any) -> Any:
    if not path:
        return change(document)
    if isinstance(document, dict):
        return {key: applied(value, path[1:], change) if key == path[0] else value for key, value in document.items()}
    return tuple(applied(value, path[1:], change) if i == path[0] else value for i, value in enumerate(document))


def mutations() -> Iterator[tuple[str, tuple[str | int, ...], str, str, object]]:
    for path in SPECS:
        for number, node in enumerate(nodes(path)):
            if plain(node)["name"] in ("census_later", "census_labels"):
                continue  # as census
            for where, _, entry in below(node):
                yield f"{path.name}#{number}", where, entry.key, "drop", None
                yield f"{path.name}#{number}", where, entry.key, "rename", None
                for other in OTHERS:
                    yield f"{path.name}#{number}", where, entry.key, "retype", other


class Flow(yaml.CSafeDumper):
    def ignore_aliases(self, data: object) -> bool:  # noqa: ARG002
        return True


Flow.add_representer(tuple, lambda dumper, data: dumper.represent_list(list(data)))


def test_a_mutation_is_valid_or_reported_where_it_was_made() -> None:
    """Each key of each spec dropped, renamed, or given another value: 100 % of the faults lie at the change."""
    originals = {f"{p.name}#{n}": plain(d) for p in SPECS for n, d in enumerate(nodes(p))}
    wrong, judged = [], 0
    for name, where, key, kind, other in mutations():
        if kind == "retype" and any(isinstance(part, int) and part > 0 for part in where):
            continue  # one item of a list stands for all
        changed = applied(originals[name], where, lambda m, a=(kind, other, key): mutated(a[0], a[1], m, a[2]))
        report = Report()
        text = yaml.dump(changed, Dumper=Flow, sort_keys=False, width=1000)
        (node,) = parse(text, "f", report)
        spec = decode(node, report)
        judged += 1
        assert (spec is None) == bool(report.errors)
        owner, owner_key = at(node, where)
        assert owner is not None
        value, value_key = at(node, (*where, f"{key}qq" if kind == "rename" else key))
        allowed = [s for s in (value.span if value else None, value_key if value else None) if s]
        # What is missing under its right name is said of the mapping that lacks it.
        allowed += [s for s in (owner.span if kind != "retype" else None, owner_key) if s]
        if not where:
            allowed.append(node.span)
        wrong.extend((name, where, key, kind, other, d) for d in report if d.span is None or not any(within(d.span, a) for a in allowed))
    assert [] == wrong
    assert judged > 1000


def test_a_renamed_key_is_named_and_no_other() -> None:
    """Under keys of the language, a slip gives exactly one fault, at the slip."""
    originals = {f"{p.name}#{n}": plain(d) for p in SPECS for n, d in enumerate(nodes(p))}
    for name, where, key, kind, _ in mutations():
        if kind != "rename" or any(part in FREE for part in where) or (where == () and key == "kind"):
            continue
        changed = applied(originals[name], where, lambda m, k=key: mutated("rename", None, m, k))
        report = Report()
        (node,) = parse(yaml.dump(changed, Dumper=Flow, sort_keys=False), "f", report)
        assert decode(node, report) is None, (name, where, key)
        _, place = at(node, (*where, f"{key}qq"))
        assert [("unknown-key", place, key)] == [(d.id, d.span, d.replacement) for d in report], (name, where, key)


def test_both_parsers_make_the_same_of_the_specs() -> None:
    for path in SPECS:
        found = []
        for loader in (yaml.CSafeLoader, yaml.SafeLoader):
            report = Report()
            found.append((parse(path.read_bytes(), path.name, report, loader=loader), report.found))
        assert found[0] == found[1]


WORDS = ["kind", "name", "model", "source", "features", "gates", "rollout", "steps", "x-a", "params", "use"]
MORE = ["id", "é", "[key]", "None", "split", "by", "time"]
KEYS = st.sampled_from([*WORDS, *MORE, "", "a b"])
ODD = st.sampled_from(["${x}", "5%", "2w", "-1d", "1e400d", "9" * 400 + "d", "all", "none", "random"])
LEAVES = st.none() | st.booleans() | st.integers(-(2**70), 2**70) | st.floats() | st.text(max_size=8) | KEYS | ODD
VALUES = st.recursive(LEAVES, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=4), max_leaves=15)


@settings(max_examples=300, deadline=None)
@given(st.sampled_from(documents()), st.data())
def test_any_values_are_decoded_or_refused_at_a_place(document: dict[str, Any], data: st.DataObject) -> None:
    changed = dict(document)
    for key in data.draw(st.lists(st.sampled_from([*document, "other"]), min_size=1, max_size=3)):
        changed[key] = data.draw(VALUES)
    report = Report()
    for node in parse(yaml.dump(changed, Dumper=Flow, allow_unicode=True), "f", report):
        spec = decode(node, report)
        assert (spec is None) == bool(report.errors)
    assert all(d.span is not None and "[key]" not in d.message.replace("`[key]`", "") for d in report)
