"""Versions are found by what they score, were asked for, are called and have come to; what is typed is never SQL."""

from datetime import UTC, datetime, timedelta

import pytest

from both import on_both
from headrace import registry
from headrace.diagnostics import Exit, HeadraceError
from headrace.diagnostics.render import to_text
from headrace.registry import found, wanted

AT = datetime(2020, 1, 2, tzinfo=UTC)
DAY = timedelta(days=1)


@pytest.fixture
def four(make, write):
    """Two models, two versions each; the last has neither metrics nor params."""
    make(at=AT, semver="1.9.0", algorithm="lgbm", params={"depth": 3, "booster": "gbdt", "deep": True}, metrics={"auc": 0.9})
    make(at=AT + DAY, semver="1.10.0", params={"depth": 9, "booster": "it's"}, metrics={"auc": 0.8, "loss": 0.0}, run_id="r2")
    make("fraud", at=AT + 2 * DAY, semver="2.0.0-rc.1", params={"depth": None}, metrics={"auc": None})
    make("fraud", at=AT + 3 * DAY, params={}, metrics={})
    write(registry.promote, model="churn", number=1, at=AT, reason="x")
    write(registry.set_tag, model="fraud", number=2, name="tier", value="gold")


@pytest.fixture
def names(store):
    def told(text, order="created asc", **more):
        page = found.search(store, text, order=wanted.order(order), **more)
        return [f"{item.model}@{item.number}" for item in page.versions]

    return told


ALL = ["churn@1", "churn@2", "fraud@1", "fraud@2"]


@pytest.mark.usefixtures("four")
@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("metrics.auc > 0.85", ALL[:1]),
        ("not metrics.auc > 0.85", ALL[1:2]),  # what is missing is unknown, and so is not that
        ("not (metrics.auc > 0.85 or params.depth > 5)", []),
        ("not (metrics.auc > 0.85 and params.depth > 5)", ALL[:2]),
        ("not not metrics.auc >= 0.8", ALL[:2]),
        ("metrics.auc == 0.9 or metrics.loss == 0", ALL[:2]),
        ("metrics.auc != 0.9", ALL[1:2]),
        ("metrics.loss", []),
        ("not metrics.loss", ALL[1:2]),
        ("params.deep and params.booster", ALL[:1]),
        ("params.depth <= 9 and params.depth < 9", ALL[:1]),
        (r"params.booster == 'it\'s'", ALL[1:2]),
        ("params.booster != 'gbdt'", ALL[1:2]),
        ("not params.booster == 'gbdt'", ALL[1:2]),
        ("tags.tier == 'gold'", ALL[3:]),
        ("model == 'churn'", ALL[:2]),
        ("model != 'churn'", ALL[2:]),
        ("number == 2", ["churn@2", "fraud@2"]),
        ("semver >= '1.10.0'", ["churn@2", "fraud@1"]),
        ("semver < '1.10.0'", ALL[:1]),
        ("not semver < '1.10.0'", ["churn@2", "fraud@1"]),
        ("semver == '1.9.0+any.build'", ALL[:1]),
        ("semver", ALL[:3]),
        ("not semver", ALL[3:]),
        ("stage == 'production'", ALL[:1]),
        ("stage != 'production'", ALL[1:]),
        ("alias == 'champion'", ALL[:1]),
        ("alias != 'champion'", ALL[1:]),
        ("alias", ALL[:1]),
        ("not alias", ALL[1:]),
        ("algorithm == 'lgbm'", ALL[:1]),
        ("run == 'r2'", ALL[1:2]),
        ("created >= '2020-01-03' and created < '2020-01-04T00:00:00Z'", ALL[1:2]),
        ("age > 1000d", ALL),
        ("age < 1000000000d and not age > 99999999999w", ALL),
        (None, ALL),
    ],
)
def test_what_is_asked_for_is_found(names, text, expected):
    assert expected == names(text)


@pytest.mark.usefixtures("four")
@pytest.mark.parametrize("text", ["metrics.auc > 0.85", "not metrics.auc > 0.85", "params.booster == 'gbdt' or tags.tier == 'gold'"])
def test_many_are_asked_one_by_one_with_the_same_answer(names, monkeypatch, text):
    gathered = names(text)
    monkeypatch.setattr(found, "_MANY", 1)
    assert gathered == names(text)


@pytest.mark.usefixtures("four")
@pytest.mark.parametrize(
    ("order", "expected"),
    [
        ("metrics.auc desc", ["churn@1", "churn@2", "fraud@2", "fraud@1"]),
        ("metrics.auc", ["churn@2", "churn@1", "fraud@1", "fraud@2"]),
        ("params.booster", ["churn@1", "churn@2", "fraud@1", "fraud@2"]),
        ("semver desc", ["fraud@1", "churn@2", "churn@1", "fraud@2"]),
        ("stage", ["churn@1", "churn@2", "fraud@1", "fraud@2"]),
        ("number desc", ["fraud@2", "churn@2", "fraud@1", "churn@1"]),
        ("created desc", ALL[::-1]),
    ],
)
def test_an_order_is_total_and_pages_do_not_overlap(names, order, expected):
    assert expected == names(None, order)
    assert expected == [name for offset in range(4) for name in names(None, order, limit=1, offset=offset)]


@pytest.mark.usefixtures("four")
@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("metrics.auc >", "is compared with"),
        ("auc > 1", "versions have no `auc`"),
        ("stagee == 'x'", "did you mean `stage`"),
        ("stage == 'prod'", "there is no stage `prod`"),
        ("stage > 'a'", "a text is compared by"),
        ("semver > '1.2'", "is no semantic version"),
        ("semver > 1", "`semver` is a text"),
        ("created > 'monday'", "is no moment"),
        ("metrics.auc == 'x'", "is a number"),
        ("number == '1'", "is a number"),
        ("model == 'a'; DROP TABLE alias", "has no place"),
        ("model LIKE 'a'", "compared as a whole"),
    ],
)
def test_what_cannot_be_meant_is_refused_with_a_caret(names, text, said):
    with pytest.raises(HeadraceError, match="bad-filter") as raised:
        names(text)
    told = raised.value.report.found[0]
    shown = to_text(raised.value.report).splitlines()
    assert (Exit.USAGE, True) == (raised.value.code, said in f"{told.message} {told.help}")
    assert any(line.endswith("^") and set(line) == set(" |^") for line in shown), shown


@pytest.mark.parametrize("text", ["", "auc", "created sideways", "created desc desc", "metrics."])
def test_what_is_no_order_is_refused(text):
    with pytest.raises(HeadraceError, match="bad-order"):
        wanted.order(text)


EVIL = ("x' OR '1'='1", "x'; DROP TABLE version_index; --", "%", "_", "\\", "'' UNION SELECT 1", "\N{SNOWMAN}")


@on_both
@pytest.mark.usefixtures("four")
def test_sql_in_a_value_is_a_value(names):
    for evil in EVIL:
        said = evil.replace("\\", "\\\\").replace("'", "\\'")
        heads = ("model", "params.booster", "tags.tier", "alias", "run", "algorithm")
        assert {head: [] for head in heads} == {head: names(f"{head} == '{said}'") for head in heads}, evil
        assert ALL == names(None)


@on_both
@pytest.mark.usefixtures("four")
def test_sql_in_a_name_is_refused(names):
    for name in ("params.a'--", 'params."x"', "metrics.x;y"):
        with pytest.raises(HeadraceError, match="bad-filter"):
            names(f"{name} > 0")
        assert ALL == names(None)


@pytest.mark.usefixtures("four")
def test_the_plan_names_the_index(store):
    page = found.search(store, "metrics.auc > 0.85", plan=True)
    assert any("ix_version_value_kind_name_number_version_id" in line for line in page.plan)


@pytest.mark.usefixtures("four")
def test_what_is_found_is_whole(store):
    item = found.search(store, "model == 'churn' and number == 1").versions[0]
    assert ({"depth": 3.0, "booster": "gbdt", "deep": 1.0}, {"auc": 0.9}, {}, ("champion",), "1.9.0", "production") == (
        item.params, item.metrics, item.tags, item.aliases, item.semver, item.stage,
    )  # fmt: skip


@pytest.mark.usefixtures("four")
def test_a_tag_changes_and_goes(write, names):
    for value in ("silver", None, None):
        write(registry.set_tag, model="fraud", number=2, name="tier", value=value)
        assert ([] if value is None else ["fraud@2"]) == names("tags.tier")


@pytest.mark.usefixtures("four")
@pytest.mark.parametrize(("name", "value"), [("", "x"), ("a\nb", "x"), ("a" * 251, "x"), ("a", "x" * 1001), ("a", "\0")])
def test_what_no_terminal_shows_is_no_tag(write, name, value):
    with pytest.raises(HeadraceError, match="bad-tag"):
        write(registry.set_tag, model="fraud", number=2, name=name, value=value)
