"""A fault of form beside another fault of the same document: both are told in one run, and nothing that follows from either."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from language_corpus import Keys, at, changed
from test_language_mutations import within, without

from headrace import project
from headrace.diagnostics import Report, Severity, Span
from headrace.document import Node, parse, write
from headrace.hooks import load_plugins
from headrace.spec.decode import decode, plain

MODEL = """\
kind: model
name: work
features:
  entity: person_id
  time: joined
  target: {column: employed, delay: 30d}
  rows: source/people
  use: {person: all}
training:
  algorithm: lightgbm.classifier
  params: {n_estimators: 100}
  split: {by: random, holdout: 20%}
  seed: 7
  baseline: {algorithm: sklearn.logistic_regression, params: {c: 1.0}}
gates:
  - {id: quality, metric: roc_auc, min: 0.75}
  - {id: useful, metric: roc_auc, versus: baseline}
  - {id: fair, metric: equalized_odds_difference, by: sex, max: 0.2, min_group: 50}
serving: {port: 8080, traffic: 1000/d}
rollout:
  strategy: canary
  unit: person_id
  steps: [{weight: 10%, hold: 1d}, {weight: 50%, hold: 2d}]
  judge: [{metric: error_rate}, {metric: slow_request, over: 250ms}]
monitoring:
  window: {rows: 2000}
  drift: {features: [age], method: psi, effect: {warning: 0.1, critical: 0.25}}
  performance: {metric: roc_auc, estimate: cbpe}
  alerts:
    - {id: drifting, when: "drift.share > 0.05", severity: warning, notify: [team]}
    - {id: degraded, when: "performance.roc_auc < 0.8", severity: critical, notify: [team]}
retraining:
  - {id: degraded, when: alert.degraded, cooldown: 2w}
  - {id: weekly, schedule: "0 3 * * 1"}
"""
OTHERS = """\
kind: project
name: labour
language: 1
---
kind: environment
name: dev
store: sqlite:///state.db
---
kind: channel
name: team
type: log
params: {path: alerts.jsonl}
---
kind: source
name: people
uri: people.csv
columns:
  person_id: {type: int64}
  age: {type: float}
  sex: {type: category}
  employed: {type: int64}
  joined: {type: timestamp}
---
kind: feature_view
name: person
from: source/people
entity: person_id
time: joined
features: {age: {column: age, range: [0, 120]}, sex: {column: sex}}
"""

Planted = tuple[str, Keys, object, tuple[Keys, ...]]
SECOND: list[Planted] = [
    ("unknown-algorithm", ("training", "algorithm"), "qqq", ()),
    ("unknown-key", ("training", "params", "qqq"), 1, (("training", "algorithm"),)),
    ("unknown-algorithm", ("training", "baseline", "algorithm"), "qqq", ()),
    ("unknown-metric", ("gates", 0, "metric"), "qqq", ()),
    ("gate-never-passes", ("gates", 0, "min"), 75, (("gates", 0, "metric"), ("gates", 0, "max"), ("gates", 0, "versus"))),
    ("unknown-feature", ("gates", 2, "by"), "qqq", (("features",),)),
    ("unknown-reference", ("features", "rows"), "source/qqq", ()),
    ("unknown-reference", ("monitoring", "alerts", 0, "notify"), ("channel/qqq",), ()),
    ("unknown-column", ("features", "target", "column"), "qqq", (("features", "rows"),)),
    ("rollout-weights", ("rollout", "steps", 0, "weight"), "60%", (("rollout", "steps", 1, "weight"),)),
    ("unknown-feature", ("rollout", "unit"), "qqq", (("features",),)),
    ("unknown-quantity", ("monitoring", "alerts", 0, "when"), "drift.qqq > 1", (("monitoring", "drift"), ("monitoring", "performance"))),
    ("unknown-metric", ("monitoring", "performance", "metric"), "qqq", ()),
    ("unknown-detector", ("monitoring", "drift", "method"), "qqq", ()),
    ("unknown-alert", ("retraining", 0, "when"), "alert.qqq", (("monitoring",),)),
    ("bad-cron", ("retraining", 1, "schedule"), "0 25 * * *", ()),
    ("empty-range", ("monitoring", "drift", "effect", "critical"), 0.01, (("monitoring", "drift", "effect"),)),
]
"""Faults that a rule tells: the id, where and what, and which other parts it is about."""
RETYPED = (None, True, -1.5, "zzz", {}, ())


def items(value: Any, path: Keys = ()) -> Iterator[tuple[Keys, dict[str, Any]]]:
    """Every mapping, each item of each list."""
    if isinstance(value, dict):
        yield path, value
        for key, inner in value.items():
            yield from items(inner, (*path, key))
    elif isinstance(value, tuple):
        for position, inner in enumerate(value):
            yield from items(inner, (*path, position))


def broken(document: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any], list[Keys]]]:
    """One key that is wrong by itself, told at the paths."""
    for path, mapping in items(document):
        for key in mapping:
            if (*path, key) in ((("kind"),), ("name",)):
                continue
            yield f"drop {path} {key}", changed(document, path, lambda m, k=key: without(m, k)), [path, (*path, key)]
            for name in (f"{key}x", "colour"):
                yield (
                    f"rename {path} {key} {name}",
                    changed(document, path, lambda m, k=key, n=name: {n if w == k else w: v for w, v in m.items()}),
                    [path, (*path, key), (*path, name)],
                )
            # An empty section of the right type says, truly, that what was in it is not there.
            for other in (value for value in RETYPED if type(value) is not type(mapping[key])):
                yield f"retype {path} {key} {other!r}", changed(document, path, lambda m, k=key, o=other: {**m, k: o}), [(*path, key)]


def planted(document: dict[str, Any], fault: Planted) -> dict[str, Any]:
    _, path, value, _ = fault
    return changed(document, path[:-1], lambda m: {**m, path[-1]: value})


@pytest.fixture(scope="module")
def model() -> dict[str, Any]:
    return plain(parse(MODEL, "f", Report())[0])


class Told:
    """What is said of a model among its other documents, as it is asked for again and again."""

    def __init__(self, root: Path) -> None:
        self.root, self.plugins = root, load_plugins(None, Report())
        (root / "specs").mkdir()
        (root / "specs" / "a.yaml").write_text(OTHERS)
        (root / "specs" / "model.yaml").write_text(MODEL)
        assert [] == self(plain(parse(MODEL, "f", Report())[0]))[0].found

    def __call__(self, document: dict[str, Any]) -> tuple[Report, Node]:
        text = write(document)
        report = Report()
        project.load(self.root, report, plugins=self.plugins, shell={}, instead={"specs/model.yaml": text.encode()})
        return report, parse(text, "specs/model.yaml", Report())[0]


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> Told:
    return Told(tmp_path_factory.mktemp("pairs"))


def said(report: Report) -> set[tuple[str, str]]:
    return {(d.id, d.message) for d in report if d.severity is Severity.ERROR}


def test_nothing_follows_from_a_part_that_could_not_be_read(model: dict[str, Any], told: Told) -> None:
    """All rules over the whole life of a model, of which one key is wrong: what they say, they say of that key."""
    wrong, number = [], 0
    for what, after, allowed in broken(model):
        if decode(parse(write(after), "f", Report())[0], Report()) is not None:
            continue
        report, node = told(after)
        number += 1
        spans = [node.span] if () in allowed else []
        spans += [span for path in allowed for span in places(node, path)]
        wrong += [(what, d.id, d.message) for d in report if d.span is None or not any(inside(d.span, span) for span in spans)]
    assert [] == wrong
    assert number > 400


def overlap(one: Keys, other: Keys) -> bool:
    shorter = min(len(one), len(other))
    return one[:shorter] == other[:shorter]


@pytest.mark.parametrize("turn", range(4))
def test_two_faults_of_one_document_are_both_told(model: dict[str, Any], told: Told, turn: int) -> None:
    seconds = [(fault, said(told(planted(model, fault))[0])) for fault in SECOND]
    assert [[fault[0]] for fault, _ in seconds] == [sorted({id_ for id_, _ in found}) for _, found in seconds]
    both_at = {id(fault): {what: after for what, after, _ in broken(planted(model, fault))} for fault in SECOND}
    hidden, more, number = [], [], 0
    for position, (what, after, allowed) in enumerate(broken(model)):
        if position % 4 != turn or decode(parse(write(after), "f", Report())[0], Report()) is not None:
            continue
        first = said(told(after)[0])
        for fault, found in seconds[position // 4 % 4 :: 4]:
            id_, path, _, about = fault
            # What stood below a key that is gone, or has a name that nobody knows, cannot be judged.
            if any(overlap(place, path) for place in allowed if place) and not what.endswith(("x", "]")):
                continue
            both = said(told(both_at[id(fault)][what])[0])
            number += 1
            if not both <= first | found:
                more.append((what, id_, path, both - first - found))
            if not first & both:
                hidden.append((what, id_, path, "the fault of form"))
            if not found & both and not any(overlap(place, part) for place in allowed for part in (*about, path)):
                hidden.append((what, id_, path, found))
    assert ([], []) == (hidden, more)
    assert number > 100


def test_what_stands_behind_a_slip_is_told(model: dict[str, Any], told: Told) -> None:
    """One letter too many in a key above it hides no fault."""
    hidden, number = [], 0
    for fault in SECOND:
        document = planted(model, fault)
        found = said(told(document)[0])
        for what, after, (_, old, *_) in ((what, after, allowed) for what, after, allowed in broken(document) if what.endswith("x")):
            if fault[1][: len(old)] == old and old != fault[1]:
                number += 1
                hidden += [(what, fault[0], fault[1])] if not found <= said(told(after)[0]) else []
    assert [] == hidden
    assert number > 20


def test_nothing_follows_in_other_documents(told: Told) -> None:
    """A part of a source, a view, a channel, an environment or the project that could not be read: the model is not at fault."""
    documents = [plain(node) for node in parse(OTHERS, "f", Report())]
    wrong, number = [], 0
    for position, document in enumerate(documents):
        rest = "---\n".join(write(other) for at_, other in enumerate(documents) if at_ != position)
        for what, after, allowed in broken(document):
            text = write(after)
            node = parse(text, "specs/b.yaml", Report())[0]
            if decode(node, Report()) is not None:
                continue
            report = Report()
            files = {"specs/a.yaml": rest.encode(), "specs/b.yaml": text.encode()}
            project.load(told.root, report, plugins=told.plugins, shell={}, instead=files)
            number += 1
            spans = [node.span] if () in allowed else []
            spans += [span for path in allowed for span in places(node, path)]
            wrong += [
                (what, d.id, d.message)
                for d in report
                if d.span is None or not any(d.span.file == s.file and within(d.span, s) for s in spans)
            ]
    assert [] == wrong
    assert number > 100


def inside(inner: Span, outer: Span) -> bool:
    return inner.file == outer.file and within(inner, outer)


def places(node: Node, path: Keys) -> list[Span]:
    """Where a path stands: its value and its key."""
    value, key = at(node, path)
    return [span for span in (value.span if value is not None else None, key) if span is not None]
