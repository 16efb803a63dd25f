"""What is offered, told and found at a place, in whole and in broken text."""

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lsprotocol import types as lsp

from headrace.diagnostics import Report
from headrace.hooks import load_plugins
from headrace.lsp.completion import complete
from headrace.lsp.hover import hover, target
from headrace.lsp.outline import at, outlines
from headrace.lsp.place import Lines
from headrace.lsp.scene import Scene, registered, root_of
from headrace.lsp.symbols import symbols
from headrace.project.vocabulary import words
from headrace.spec.vocabulary import Vocabulary

ROOT = Path(__file__).parents[2]
SPECS = sorted((ROOT / "specs").glob("*.yaml"))
VOCABULARY = Vocabulary(
    {"source": ("census",), "feature_view": ("person",), "channel": ("ml-team",), "model": ("work",)}, words(load_plugins(None, Report()))
)
HEAD = "kind: model\nname: work\n"


def cursor(text: str) -> tuple[str, int, int]:
    """A text without its `|`, and where that stood."""
    before, _, after = text.partition("|")
    return before + after, before.count("\n"), len(before) - before.rfind("\n") - 1


def offered(text: str) -> list[str]:
    return [item.label for item in complete(*cursor(text), VOCABULARY)]


@pytest.mark.parametrize(
    ("text", "some"),
    [
        ("|", {"kind: model", "kind: source"}),
        ("ki|", {"kind: model"}),
        ("kind: |", {"model", "source", "channel"}),
        ("name: a\nkind: mo|\n", {"model"}),
        (HEAD + "|", {"features", "training", "gates", "rollout"}),
        (HEAD + "|\ntraining:\n  seed: 7\n", {"features", "gates"}),
        (HEAD + "training:\n  |", {"algorithm", "params", "split", "seed"}),
        (HEAD + "training:\n  seed: 7\n  al|\ngates: []\n", {"algorithm"}),
        (HEAD + "training:\n  algorithm: |", {"lightgbm.classifier", "sklearn.logistic_regression"}),
        (HEAD + "training:\n  algorithm: lightgbm.classifier\n  params:\n    |", {"num_leaves", "max_bin"}),
        (HEAD + "training:\n  params: {c: 1, |\n  algorithm: sklearn.logistic_regression\n", {"max_iter"}),
        (HEAD + "training: {algorithm: a, split: {by: time, |", {"gap", "holdout"}),
        (HEAD + "training:\n  split:\n    by: random\n    |", {"holdout", "stratify"}),
        (HEAD + "training:\n  split: {by: |", {"random", "time"}),
        (HEAD + "gates:\n  - {id: a, |", {"metric", "min", "max"}),
        (HEAD + "gates:\n  - id: a\n    |", {"metric", "versus"}),
        (HEAD + "gates:\n  - id: a\n    metric: roc|\n  - id: b\n", {"roc_auc"}),
        (HEAD + "gates:\n  - |", {"id", "metric"}),
        (HEAD + "gates:\n  |", {"- …"}),
        (HEAD + "gates: [{id: a, metric: roc_auc, versus: |}]\n", {"champion", "baseline"}),
        (HEAD + "features:\n  rows: |", {"source/census"}),
        (HEAD + "features:\n  use: {|", {"person"}),
        (HEAD + "features:\n  use:\n    person: |", {"all"}),
        (HEAD + "serving: |", {"none"}),
        (HEAD + "serving:\n  |", {"port", "fallback"}),
        (HEAD + "monitoring:\n  alerts:\n    - id: a\n      notify: [|", {"channel/ml-team"}),
        (HEAD + "monitoring:\n  drift: {features: all, effect: {|", {"warning", "critical"}),
        (HEAD + 'owner: "\ntraining:\n  |', {"algorithm"}),
        (HEAD + "labels: {a: [\ntraining:\n  |", {"algorithm"}),
        ("kind: environment\nname: dev\nproduction: |", {"true", "false"}),
        ("kind: channel\nname: a\ntype: webhook\nparams:\n  |", {"url", "timeout"}),
        ("kind: project\nname: a\n---\nkind: model\n|\n---\nkind: source\n", {"training"}),
    ],
)
def test_what_may_stand_there_is_offered(text: str, some: set[str]) -> None:
    assert some - set(offered(text)) == set()


AROUND = Scene(
    ROOT,
    {
        "specs/more.yaml": "kind: environment\nname: other\nvariables: {rows: 300, source: census}\n"
        "---\nkind: feature_view\nname: basket\nfrom: source/census\nfeatures: {spend: {column: age}, trips: {column: age}}\n"
    },
).around()
MODEL = (
    HEAD + "features:\n  entity: person_id\n  rows: source/census\n  use: {person: all, basket: [spend]}\n"
    "monitoring:\n  performance: {metric: roc_auc, estimate: cbpe}\n"
)


def named(text: str) -> dict[str, str]:
    """What is offered inside of a value, with the text that it makes of its line."""
    whole, line, column = cursor(text)
    found = {}
    for item in complete(whole, line, column, VOCABULARY, AROUND):
        if isinstance(item.text_edit, lsp.TextEdit):
            place, written = item.text_edit.range, whole.split("\n")[line]
            found[item.label] = f"{written[: place.start.character]}{item.text_edit.new_text}{written[place.end.character :]}".strip()
    return found


@pytest.mark.parametrize(
    ("text", "label", "makes"),
    [
        (MODEL + '  drift: {}\n  alerts:\n    - {id: a, when: "drift.|', "drift.share", '- {id: a, when: "drift.share'),
        (MODEL + '  drift: {}\n  alerts:\n    - id: a\n      when: "|"\n', "drift.critical", 'when: "drift.critical"'),
        (MODEL + "  alerts:\n    - id: a\n      when: performance.ro|\n", "performance.roc_auc", "when: performance.roc_auc"),
        (MODEL + '  alerts: [{id: a, when: "unseen.share > 5% and est|"}]\n', "estimate.roc_auc", None),
        (
            MODEL + "  alerts:\n    - {id: degraded}\nretraining:\n  - {id: r, when: alert.|",
            "alert.degraded",
            "- {id: r, when: alert.degraded",
        ),
        (MODEL + "gates:\n  - {id: fair, by: |", "sex", "- {id: fair, by: sex"),
        (MODEL + "gates:\n  - {id: fair, by: |", "spend", None),
        (MODEL + "rollout:\n  unit: per|\n", "person_id", "unit: person_id"),
        (MODEL + "  drift: {features: [|", "age", None),
        (HEAD + "features:\n  rows: census\n  time: sur|\n", "surveyed_at", "time: surveyed_at"),
        (HEAD + "features:\n  use: {basket: [spend, |", "trips", "use: {basket: [spend, trips"),
        (HEAD + "features:\n  use:\n    basket:\n      - |", "spend", "- spend"),
        ("kind: feature_view\nname: v\nfrom: census\nfeatures:\n  a: {column: |", "age", "a: {column: age"),
        ('kind: feature_view\nname: v\nfrom: census\nfeatures:\n  a: {sum: age, where: "ag|', "age", 'a: {sum: age, where: "age'),
        ("kind: feature_view\nname: v\nfeatures:\n  a: {}\n  b: {expression: 2 * |", "a", "b: {expression: 2 * a"),
        ("kind: source\nname: s\ncolumns: {x: {type: float}}\nchecks:\n  - {id: c, column: |", "x", "- {id: c, column: x"),
        ("kind: policy\nname: p\nrequire:\n  - {id: r, when: gates.|", "gates.passed", None),
        (HEAD + 'training:\n  seed: "${|', "var.rows", 'seed: "${var.rows}'),
        (HEAD + 'training:\n  seed: "${var.|}"\n', "var.rows", 'seed: "${var.rows}"'),
        (HEAD + 'features: {rows: "${var.so|', "var.source", 'features: {rows: "${var.source}'),
        (HEAD + 'owner: "${env.PA| | x}"\n', "env.PATH", 'owner: "${env.PATH | x}"'),
        (HEAD + "training:\n  seed: ${v|\ngates: [", "var.rows", "seed: ${var.rows}"),
    ],
)
def test_names_inside_of_a_value_are_offered(text: str, label: str, makes: str | None) -> None:
    found = named(text)
    assert label in found
    assert makes in (None, found[label])


@pytest.mark.parametrize(
    ("text", "label"),
    [
        (MODEL + '  alerts:\n    - {id: a, when: "|"}\n', "drift.share"),
        (MODEL + '  drift: {}\n  alerts:\n    - {id: a, when: "|"}\n', "performance.log_loss"),
        (MODEL + "gates:\n  - {id: fair, by: |", "trips"),
        (MODEL + "  drift: {features: [age, |", "nothing"),
        (HEAD + "description: |", "age"),
        (HEAD + "features:\n  use: {basket: [spend, |", "spend"),
        (HEAD + 'training:\n  seed: "$|', "var.rows"),
    ],
)
def test_a_name_that_is_not_there_is_not(text: str, label: str) -> None:
    assert label not in named(text)


@pytest.mark.parametrize("metric", [None, "roc_auc"])
@pytest.mark.parametrize("estimate", ["cbpe", "none"])
@pytest.mark.parametrize("drift", [True, False])
def test_what_is_offered_in_a_condition_is_what_the_validator_takes(metric: str | None, estimate: str, *, drift: bool) -> None:
    from headrace.project.rules import alerts
    from headrace.spec.monitoring import Monitoring

    section = Monitoring.model_validate_strings(
        {
            "window": {"rows": "100"},
            **({"drift": {}} if drift else {}),
            **({"performance": {"metric": metric, "estimate": estimate}} if metric else {}),
        }
    )
    every = {*alerts.QUANTITIES, *(f"{word}.{name}" for word in ("performance", "estimate") for name in ("roc_auc", "log_loss"))}
    taken = {name for name in every if name in alerts._names(section) and alerts._missing(name, section) is None}
    assert taken == set(alerts.quantities(drift=drift, metric=metric, estimated=estimate != "none"))


@pytest.mark.parametrize(
    ("text", "none"),
    [
        (HEAD + "training:\n  seed: 7\n  |", {"seed", "gates"}),
        (HEAD + "training:\n  split: {by: random, |", {"gap"}),
        (HEAD + "# |", {"training"}),
        (HEAD + "description: |", {"training"}),
        (HEAD + "description: >\n  some text\n  tr|\n", {"training"}),
        ("kind: modle\nname: |", {"training"}),
        (HEAD + "labels:\n  |", {"tier", "training"}),
    ],
)
def test_what_may_not_stand_there_is_not(text: str, none: set[str]) -> None:
    assert none & set(offered(text)) == set()


def test_required_keys_come_first() -> None:
    items = complete(*cursor(HEAD + "rollout:\n  |"), VOCABULARY)
    first = [item.label for item in sorted(items, key=lambda item: item.sort_text or "")][:4]
    assert ["strategy", "unit", "steps", "judge"] == first


def test_what_a_strategy_or_a_kind_of_gate_takes_is_offered() -> None:
    assert {"from", "to", "by", "hold"} == set(offered(HEAD + "rollout:\n  strategy: linear\n  params:\n    |"))
    assert {"max", "threshold"} == set(offered(HEAD + "gates:\n  - id: a\n    gate: decision_changes\n    params:\n      |"))
    assert {"canary", "linear"} <= set(offered(HEAD + "rollout:\n  strategy: |"))


def test_a_section_is_filled_in() -> None:
    item = next(i for i in complete(*cursor(HEAD + "|"), VOCABULARY) if i.label == "gates")
    assert "gates:\n  - id: ${1:quality}\n    metric: ${2:roc_auc}" == item.insert_text


def test_a_whole_document_is_filled_in() -> None:
    item = next(i for i in complete("", 0, 0, VOCABULARY) if i.label == "kind: channel")
    assert "kind: channel\nname: ${1:ml-team}\ntype: ${2:webhook}" == item.insert_text


def told(text: str, scene: Scene | None = None) -> str | None:
    return hover(*cursor(text), scene or Scene(ROOT, {}, VOCABULARY.words))


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (HEAD + "trai|ning:\n  seed: 7\n", "**model.training**"),
        (HEAD + "training:\n  see|d: 7\n", "changing it costs: retrain"),
        (HEAD + "training:\n  algorithm: light|gbm.classifier\n", "Gradient-boosted trees"),
        (HEAD + "training:\n  algorithm: lightgbm.classifier\n  params: {num_le|aves: 3}\n", "default: `31`"),
        (HEAD + "features:\n  rows: source/cen|sus\n", "US Census"),
        (HEAD + "rollout:\n  steps: [{wei|ght: 5%", "bounds: more than 0%, less than 100%"),
        (HEAD + "rollout:\n  strategy: lin|ear\n", "Steps that rise by equal shares"),
        (HEAD + "rollout:\n  strategy: linear\n  params: {b|y: 20%}\n", "By how much each step rises"),
        (HEAD + "gates:\n  - {id: a, gate: predic|tion_spread}\n", "The candidate tells rows apart"),
        (HEAD + "gates:\n  - {id: a, gate: prediction_spread, params: {mi|n: 0.1}}\n", "The least distance between"),
        ("ki|nd: model\n", "**model.kind**"),
        (MODEL + '  drift: {}\n  alerts: [{id: a, when: "drift.sh|are > 5%"}]\n', "The share of the watched features"),
        (MODEL + '  alerts: [{id: a, when: "performance.roc|_auc < 0.8"}]\n', "from the answers that are known"),
        (MODEL + '  alerts: [{id: a, when: "unseen.share > 1%"}]\nretraining: [{id: r, when: aler|t.a}]\n', "unseen.share > 1%"),
        (MODEL + "gates: [{id: fair, by: se|x}]\n", "A feature of feature_view/person"),
    ],
)
def test_hover(text: str, says: str) -> None:
    assert says in (told(text) or "")


@pytest.mark.parametrize("text", ["# com|ment\n", HEAD + "colour: r|ed\n", "|", HEAD + "\n|\n"])
def test_nothing_to_tell(text: str) -> None:
    assert told(text) is None


@pytest.mark.parametrize(
    ("text", "file"),
    [
        (HEAD + "features:\n  rows: cen|sus\n", "specs/sources.yaml"),
        (HEAD + "features:\n  use: {per|son: all", "specs/features.yaml"),
        (HEAD + "monitoring: {alerts: [{notify: [channel/ml-l|og]}]}\n", "specs/channels.yaml"),
        (HEAD + "features:\n  rows: nowhe|re\n", None),
        (HEAD + "own|er: census\n", None),
    ],
)
def test_a_reference_leads_to_its_document(text: str, file: str | None) -> None:
    outline, said = at(*cursor(text))
    assert said is not None
    found = target(outline, said, Scene(ROOT, {}), VOCABULARY)
    assert file == (found.file if found else None)


def test_an_open_buffer_counts_before_its_file() -> None:
    scene = Scene(ROOT, {"specs/sources.yaml": "kind: source\nname: other\n", "specs/new.yaml": "kind: channel\nname: fresh\n"})
    names = scene.vocabulary().names
    assert (("other",), True) == (names["source"], "fresh" in names["channel"])


def test_what_a_project_registers() -> None:
    assert {"lightgbm.classifier"} <= set(registered(ROOT)["algorithms"])


def test_which_project_a_file_belongs_to() -> None:
    assert [(Path("/a"), "specs/b.yml"), None, None] == [root_of(Path(p)) for p in ("/a/specs/b.yml", "/a/b.yml", "/a/specs/b.txt")]


@pytest.mark.parametrize("path", SPECS, ids=lambda path: path.stem)
def test_a_valid_file_is_understood_whole(path: Path) -> None:
    """The reader of broken text and the parser see the same keys and values."""
    from headrace.document import parse
    from headrace.spec.decode import plain

    def flat(value: object, at: tuple[str | int, ...] = ()) -> dict[tuple[str | int, ...], str]:
        items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, tuple) else None
        if items is None:
            return {at: str(value)}
        return {key: text for part, inner in items for key, text in flat(inner, (*at, part)).items()}

    right = [flat(plain(node)) for node in parse(path.read_bytes(), "f", Report())]
    found = [{said.path: said.value for said in outline.said if said.value is not None} for outline in outlines(path.read_text())]
    assert [set(document) for document in right] == [set(document) for document in found]


def test_symbols_of_broken_text() -> None:
    text = "kind: model\nname: [\ngates:\n  - id: a\n"
    (document,) = symbols(text, Lines.of(text, "utf-16"))
    assert ("model", ["gates"]) == (document.name, [section.name for section in document.children or ()])


@settings(max_examples=150, deadline=None)
@given(st.data())
def test_whatever_is_typed_is_answered(data: st.DataObject) -> None:
    """A file cut off anywhere, with anything typed there."""
    text = data.draw(st.sampled_from([path.read_text() for path in SPECS]))
    end = data.draw(st.integers(0, len(text)))
    typed = data.draw(
        st.sampled_from(
            ["", "${", "${var.", "drift.", "{", "[", "- ", ": ", '"', "'", "#", "|", ">", "---\n", "\t", "*a", "&", "é", ",", "}"]
        )
    )
    rest = text[end:] if data.draw(st.booleans()) else ""
    before = text[:end] + typed
    line, column = before.count("\n"), len(before) - before.rfind("\n") - 1
    scene = Scene(ROOT, {}, VOCABULARY.words)
    complete(before + rest, line, column, VOCABULARY, AROUND)
    hover(before + rest, line, column, scene)
    symbols(before + rest, Lines.of(before + rest, "utf-16"))
