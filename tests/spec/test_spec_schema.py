"""The JSON Schema and the validator say the same, but for what is listed here with its reason."""

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Annotated, Any, get_args, get_origin

import jsonschema
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import BaseModel, BeforeValidator

from headrace.diagnostics import Diagnostic, Report
from headrace.document import Mapping, Node, parse
from headrace.hooks import Plugins, load_plugins
from headrace.project.rules import RULES
from headrace.project.rules import plugins as plugin_rules
from headrace.project.scope import Scope, address_of
from headrace.project.vocabulary import words
from headrace.spec import KINDS
from headrace.spec.decode import decode, plain
from headrace.spec.name import ParamsOf, Registered
from headrace.spec.place import keys
from headrace.spec.route import below
from headrace.spec.schema import schema
from headrace.spec.vocabulary import Vocabulary
from test_cases import ALL, CASES, Case, written

ROOT = Path(__file__).parents[2]
SPECS = sorted([*(ROOT / "specs").glob("*.yaml"), *(ROOT / "tests" / "golden").glob("*/specs/*.yaml")])


@cache
def installed() -> Plugins:
    return load_plugins(None, Report())


@cache
def whole() -> dict[str, Any]:
    return schema(Vocabulary(words=words(installed())))


@cache
def bare() -> dict[str, Any]:
    """The schema without the words of plugins."""
    return schema()


@cache
def both() -> tuple[Any, Any]:
    """The two drafts, of which an editor knows one."""
    return jsonschema.Draft202012Validator(whole()), jsonschema.Draft7Validator(whole())


def accepted(value: object) -> bool:
    """What the schema says, in both drafts."""
    as_json = json.loads(json.dumps(value))
    said = {validator.is_valid(as_json) for validator in both()}
    assert len(said) == 1, f"the drafts differ over {as_json}"
    return said.pop()


def judged(node: Node) -> list[Diagnostic]:
    """What the validator says of a document alone, the parameters of its plugins included."""
    report = Report()
    spec = decode(node, report)
    if spec is not None and isinstance(node, Mapping):
        address = address_of(spec)
        scope = Scope({address: spec}, {address: node}, plugins=installed())
        report.extend(plugin_rules.check(scope))
    return report.errors


def by_rules(node: Node) -> list[Diagnostic]:
    """What the rules over a whole project say of it, as far as they can tell without the others: conditions, cron lines, ids."""
    report = Report()
    spec = decode(node, Report())
    if spec is not None and isinstance(node, Mapping):
        address = address_of(spec)
        scope = Scope({address: spec}, {address: node}, unread=frozenset(KINDS), plugins=installed())
        for rule in RULES:
            report.extend(rule(scope))
    return report.errors


VALIDATOR_ONLY = (
    ("out-of-range", r"(%|x|ms|s|m|h|d|w)`$", "JSON Schema bounds numbers, and a quantity with a unit is text"),
    ("wrong-type", r"wants .*(whole number|`\d+`).*, not the number `[-+0-9.eE]*`$", "7.0 is a whole number for JSON Schema"),
    ("not-finite|integer-too-large", "", "JSON has neither infinities nor a largest number"),
    ("bad-name", r"[^\x00-\x7f]", "which letters beyond ASCII an identifier may have, JavaScript's patterns do not know"),
    ("bad-value", r"`\d{4}-?\d\d-?\d\d` is no date|is longer than time", "a calendar is no pattern"),
    ("bad-value", "a rollout rises", "one parameter beside another is no form"),
    (
        "bad-value",
        "two members are called|every weight is 0|the levels must rise|the least first",
        "one item of a list beside another is no form",
    ),
    ("unknown-metric", "and `measures` has none of that name", "a name that another key gives is no form"),
    ("not-yet-supported", r"\$\{", "words within a text that this version does not replace yet"),
)
"""Faults of one document that only the validator knows: id, what its message says, why. Rules over the whole project are its own, too."""


def listed(fault: Diagnostic) -> bool:
    """Whether there is a reason for the schema not to know."""
    return any(re.fullmatch(ids, fault.id) and re.search(said, fault.message) for ids, said, _ in VALIDATOR_ONLY)


def disagreement(node: Node) -> str | None:
    """How the two differ over a document without a listed reason."""
    faults, value = judged(node), plain(node)
    if expressed(value):
        return None  # what it says is known once its expressions are replaced
    if not accepted(value):
        told = [error.message for error in both()[0].iter_errors(json.loads(json.dumps(value)))]
        return None if faults or by_rules(node) else f"only the schema refuses: {told}"
    unlisted = [fault for fault in faults if not listed(fault)]
    return f"only the validator refuses: {unlisted}" if unlisted else None


def expressed(value: object) -> bool:
    """Whether something of it is filled in later."""
    return "${" in json.dumps(value)


def documents(text: str | bytes) -> tuple[Node, ...]:
    return parse(text, "f", Report())


def test_it_is_a_schema_in_both_drafts() -> None:
    for validator in both():
        validator.check_schema(whole())


def test_it_has_the_same_bytes_in_every_process() -> None:
    made = {
        subprocess.run(
            [sys.executable, "-m", "headrace", "schema", "--root", str(ROOT)],
            capture_output=True,
            check=True,
            env={**os.environ, "PYTHONHASHSEED": seed},
        ).stdout
        for seed in ("1", "2")
    }
    assert 1 == len(made)
    assert made.pop().endswith(b"}\n")


@pytest.mark.parametrize("path", SPECS, ids=lambda path: str(path.relative_to(ROOT)))
def test_a_valid_document_is_accepted_by_both(path: Path) -> None:
    nodes = documents(path.read_bytes())
    valid = [expressed(plain(node)) or not judged(node) for node in nodes]
    assert valid == [accepted(plain(node)) for node in nodes]
    assert all(valid) or "hostile" in path.parts, "only there a channel has parameters of its own"


def texts(case: Case, root: Path) -> list[bytes]:
    """The files of a case."""
    written(case, root)
    return [path.read_bytes() for path in sorted((root / "specs").iterdir()) if path.suffix in (".yaml", ".yml")]


@pytest.mark.parametrize("case", [Case(CASES, "base"), *ALL], ids=str)
def test_a_case_is_judged_alike(case: Case, tmp_path: Path) -> None:
    """Every document of the language's specification, right or wrong."""
    assert [] == [said for text in texts(case, tmp_path) for node in documents(text) if (said := disagreement(node))]


@pytest.mark.slow
def test_the_cases_hold_each_fault_of_one_document(tmp_path: Path) -> None:
    """So that the test above cannot pass by finding nothing."""
    found = set()
    for number, case in enumerate(ALL):
        root = tmp_path / str(number)
        root.mkdir()
        refused = [node for text in texts(case, root) for node in documents(text) if not accepted(plain(node))]
        found |= {fault.id for node in refused for fault in judged(node)}
    assert {"unknown-key", "misplaced-key", "wrong-type", "bad-value", "missing-unit", "missing-key", "too-few", "bad-name"} <= found


def leaves() -> Iterator[tuple[str, type[BaseModel], str]]:
    """Every field that holds a value and no section, with its model."""
    seen: set[type[BaseModel]] = set()
    waiting: list[type[BaseModel]] = list(KINDS.values())
    while waiting:
        model = waiting.pop()
        if model in seen:
            continue
        seen.add(model)
        for key, info in keys(model).items():
            inner = list(below(info.annotation))
            waiting += inner
            if not inner:
                yield f"{model.__name__}.{key}", model, key


@pytest.mark.parametrize(("model", "key"), [pytest.param(model, key, id=name) for name, model, key in leaves()])
def test_an_example_and_a_default_fit_their_own_field(model: type[BaseModel], key: str) -> None:
    definition = next(d for d in bare()["$defs"].values() if key in d.get("properties", {}) and d["description"] == model.__doc__)
    field = definition["properties"][key]
    validator = jsonschema.Draft202012Validator({**field, "$defs": bare()["$defs"]})
    given = [*field.get("examples", []), *([field["default"]] if "default" in field else [])]
    assert [] == [e.message for value in given for e in validator.iter_errors(json.loads(json.dumps(value)))]


def parts(annotation: Any) -> Iterator[Any]:
    """An annotation and all within it, metadata included."""
    if get_origin(annotation) is Annotated:
        yield from annotation.__metadata__
    yield annotation
    for inner in get_args(annotation):
        yield from parts(inner)


def test_every_type_that_reads_a_value_in_its_own_way_says_its_form() -> None:
    """Else an editor is told nothing of the field."""
    told = schema()["$defs"]
    silent = []
    for name, model, key in leaves():
        info = keys(model)[key]
        if any(isinstance(part, BeforeValidator) for part in (*info.metadata, *parts(info.annotation))):
            definition = next(d for d in told.values() if d.get("description") == model.__doc__)
            if not {"type", "enum", "const", "anyOf", "$ref"} & set(definition["properties"][key]):
                silent.append(name)
    assert [] == silent


def test_a_field_that_takes_a_registered_name_is_declared_so() -> None:
    """Else neither schema nor editor lists the names."""
    undeclared = []
    for name, model, key in leaves():
        info = keys(model)[key]
        marks = [part for part in (*info.metadata, *parts(info.annotation)) if isinstance(part, Registered | ParamsOf)]
        described = re.search(r"\bregistered\b|^The (algorithm|type)'s parameters", info.description or "")
        if described and not marks:
            undeclared.append(name)
    assert [] == undeclared


def test_every_field_has_its_effect_and_an_example() -> None:
    poor = [
        (name, key)
        for name, definition in schema()["$defs"].items()
        for key, field in definition["properties"].items()
        if not any("const" in form for form in (field, *field.get("anyOf", [])))
        and not {"description", "x-effect", "examples"} <= {*field, *(["description"] if "$ref" in field else [])}
    ]
    assert [] == poor


def test_parameters_follow_the_algorithm() -> None:
    node = {**plain(documents((ROOT / "specs" / "employment.yaml").read_bytes())[0])}
    training = {"algorithm": "sklearn.logistic_regression", "params": {"c": 1.0}}
    assert [True, False, False] == [
        accepted({**node, "training": training}),
        accepted({**node, "training": {**training, "algorithm": "lightgbm.classifier"}}),
        accepted({**node, "training": {**training, "algorithm": "lightgbm.clasifier"}}),
    ]


def test_a_plugin_that_needs_parameters_needs_them_written() -> None:
    assert [False, True] == [
        accepted({"kind": "channel", "name": "a", "type": "log", **more}) for more in ({}, {"params": {"path": "a.jsonl"}})
    ]


def test_names_of_a_project_are_listed() -> None:
    made = schema(Vocabulary(names={"source": ("census",), "feature_view": ("person",)}))
    definitions = made["$defs"]
    assert ["source/census", "census"] == definitions["Features"]["properties"]["rows"]["anyOf"][0]["enum"]
    assert {"type": "string", "enum": ["person"]} == definitions["Features"]["properties"]["use"]["propertyNames"]


def test_a_value_may_be_filled_in_later_and_a_key_may_not() -> None:
    base = {"kind": "feature_view", "name": "a", "from": "s", "entity": "e", "time": "t"}
    feature = {"column": "age", "range": [0, "${var.oldest}"]}
    assert [True, False, False] == [
        accepted({**base, "features": {"age": feature}}),
        accepted({**base, "features": {"${var.name}": feature}}),
        accepted({**base, "kind": "${var.kind}", "features": {"age": feature}}),
    ]


def scalars(value: Any, path: tuple[str | int, ...] = ()) -> Iterator[tuple[str | int, ...]]:
    if isinstance(value, dict | tuple):
        for key, inner in value.items() if isinstance(value, dict) else enumerate(value):
            yield from scalars(inner, (*path, key))
    else:
        yield path


def put(value: Any, path: tuple[str | int, ...], other: str) -> Any:
    if not path:
        return other
    if isinstance(value, dict):
        return {key: put(inner, path[1:], other) if key == path[0] else inner for key, inner in value.items()}
    return tuple(put(inner, path[1:], other) if position == path[0] else inner for position, inner in enumerate(value))


def test_every_scalar_of_every_valid_spec_may_be_filled_in_but_the_kind() -> None:
    refused = set()
    places = {}
    for node in (node for path in SPECS for node in parse(path.read_bytes(), path.name, Report())):
        value = plain(node)
        for path in scalars(value) if accepted(value) else ():
            places.setdefault((value["kind"], *(part for part in path if isinstance(part, str))), (value, path))
    for place, (value, path) in places.items():
        for text in ("${var.x}", "a${env.X | 1}b"):
            if not accepted(put(value, path, text)):
                refused.add(place[1:])
    assert (True, {("kind",)}) == (len(places) > 100, refused)


VIEW = """kind: feature_view
name: basket
from: source/buys
entity: id
time: at
features: {{a: {{sum: amount, over: 7d, where: {where}}}, b: {{expression: {expression}}}}}
"""


@pytest.mark.parametrize(
    ("where", "expression", "right"),
    [
        ("amount > 0 and not (kind == 2)", "(a - -1) / 2.5e3 * a", True),
        ("${var.rows}", "${var.sum | a}", True),
        ("amount >> 0", "a", False),
        ("amount > 0 &&", "a", False),
        ("amount > 0", "a +", False),
        ("amount > 0", "a ** 2", False),
        ("amount > 0", "+a", False),
        ("amount > 0", "a b", False),
    ],
)
def test_a_condition_of_rows_and_an_expression_have_a_form(where: str, expression: str, *, right: bool) -> None:
    (node,) = parse(VIEW.format(where=json.dumps(where), expression=json.dumps(expression)).encode(), "f", Report())
    assert right is accepted(plain(node))
    if "$" not in where:
        assert right is not any(found.id == "bad-condition" for found in by_rules(node))


def test_one_kind_alone() -> None:
    validator = jsonschema.Draft202012Validator(schema(kind="environment"))
    assert [True, False] == [validator.is_valid({"kind": kind, "name": "dev"}) for kind in ("environment", "model")]


def test_a_key_of_ones_own_stands_at_the_top_alone() -> None:
    assert [True, False] == [
        accepted({"kind": "project", "name": "a", "language": 1, "x-own": [1]}),
        accepted({"kind": "project", "name": "a", "language": 1, "plugins": {"x-own": 1}}),
    ]


ORIGINALS = [plain(node) for path in SPECS for node in documents(path.read_bytes())]
ODD = st.sampled_from(
    ["5%", "0.5", "2w", "2x", "12000/d", "-1d", "all", "none", "random", "no name", "a/b", "2016-02-30", "é", "0 3 * * 1", ""]
)
LEAVES = st.none() | st.booleans() | st.integers(-(2**40), 2**40) | st.floats(allow_nan=False, allow_infinity=False) | ODD
VALUES = LEAVES | st.lists(LEAVES, max_size=2).map(tuple) | st.dictionaries(st.sampled_from(["id", "zzz", "by"]), LEAVES, max_size=2)


def places(value: Any, path: tuple[str | int, ...] = ()) -> Iterator[tuple[str | int, ...]]:
    """Every key and item."""
    items: Any = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, tuple) else ()
    for key, inner in items:
        yield (*path, key)
        yield from places(inner, (*path, key))


def changed(value: Any, path: tuple[str | int, ...], change: str, other: object) -> Any:
    """One key dropped, renamed, added beside, or given another value."""
    if isinstance(value, tuple):
        if len(path) > 1:
            return tuple(changed(item, path[1:], change, other) if i == path[0] else item for i, item in enumerate(value))
        return tuple(other if i == path[0] else item for i, item in enumerate(value) if change != "drop" or i != path[0])
    if len(path) > 1:
        return {key: changed(inner, path[1:], change, other) if key == path[0] else inner for key, inner in value.items()}
    renamed = {"rename": f"{path[0]}qq"}.get(change, path[0])
    kept = {renamed if key == path[0] else key: inner for key, inner in value.items() if change != "drop" or key != path[0]}
    return kept | ({path[0]: other} if change == "retype" else {"zzz": other} if change == "add" else {})


@settings(max_examples=400, deadline=None)
@given(st.data())
def test_a_mutation_is_judged_alike(data: st.DataObject) -> None:
    """One key of a valid document dropped, renamed, added or given another value."""
    original = data.draw(st.sampled_from(ORIGINALS))
    path = data.draw(st.sampled_from(sorted(places(original), key=str)))
    change = data.draw(st.sampled_from(["drop", "rename", "add", "retype", "retype", "retype"]))
    mutant = changed(original, path, change, data.draw(VALUES))
    for node in documents(json.dumps(mutant)):
        assert disagreement(node) is None, (path, change)
