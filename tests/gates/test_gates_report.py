"""The report: all of it counted from verdicts, advice by a table, and a page that runs nothing and hides nothing."""

import re
from datetime import UTC, datetime, timedelta
from html.parser import HTMLParser
from types import SimpleNamespace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from headrace.gates.page import page
from headrace.gates.recommended import RULES, recommended
from headrace.gates.report import report
from headrace.store.tables import Verdict

AT = datetime(2026, 5, 1, tzinfo=UTC)
NASTY = "<script>alert(1)</script>\"'&"


def row(gate="quality", **instead):
    usual = {
        "model": "churn", "number": 3, "run_id": "r1", "gate": gate, "metric": "roc_auc", "passed": True, "mode": "block",
        "value": 0.91, "low": 0.88, "high": 0.93, "threshold": 0.9, "n": 300, "reason": "fine", "data_digest": "sha256:aa", "at": AT,
        "evidence": {"bound": "min", "method": "DeLong, logit", "confidence": 0.95}, "waived": None,
    }  # fmt: skip
    return Verdict(**(usual | instead))


def version(**metrics):
    return SimpleNamespace(
        model="churn", number=3, algorithm="lightgbm.classifier", manifest_digest="sha256:m", manifest={"metrics": metrics}
    )


def waiver(days):
    return {"by": "alice", "reason": "late labels", "until": (AT + timedelta(days=days)).date().isoformat()}


def test_totals_are_counted_from_the_verdicts():
    rows = [
        row("a"),
        row("b", passed=False),
        row("c", passed=False, mode="warn"),
        row("d", passed=False, waived=waiver(3)),
        row("e", passed=False, waived=waiver(-1)),
    ]
    told = report(version(), rows, AT)
    assert {"gates": 5, "passed": 1, "failed": 2, "warned": 1, "waived": 1} == told["totals"]
    assert "rejected" == told["verdict"]


@settings(max_examples=30, deadline=None)
@given(st.lists(st.tuples(st.booleans(), st.sampled_from(["block", "warn"]), st.sampled_from([None, -2, 2])), min_size=1, max_size=9))
def test_whatever_was_said_the_totals_add_up_and_a_failure_is_never_a_pass(said):
    rows = [
        row(f"g{n}", passed=passed, mode=mode, waived=None if passed or days is None else waiver(days))
        for n, (passed, mode, days) in enumerate(said)
    ]
    told = report(version(), rows, AT)
    totals = told["totals"]
    assert len(rows) == totals["gates"] == totals["passed"] + totals["failed"] + totals["warned"] + totals["waived"]
    assert sum(passed for passed, *_ in said) == totals["passed"]
    assert (told["verdict"] == "passed") == (totals["failed"] == 0)


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.id)
def test_a_rule_speaks_beyond_its_limit_and_not_at_it(rule):
    beyond = rule.limit - 0.01 if rule.beyond == "below" else rule.limit + 0.01
    asked = [{"gate": "g", "metric": rule.metrics[0], "value": value, "evidence": {}, "waived": None} for value in (beyond, rule.limit)]
    assert [(rule.id, beyond)] == [(one["rule"], one["value"]) for one in recommended(asked, {})]


def test_a_rule_says_its_advice_once_of_all_that_it_is_met_by():
    equal, odds = "equal_opportunity_difference", "equalized_odds_difference"
    measured = (("a", equal, 0.09), ("b", equal, 0.5), ("c", odds, 0.06))
    asked = [{"gate": gate, "metric": metric, "value": value, "evidence": {}, "waived": None} for gate, metric, value in measured]
    (said,) = recommended(asked, {})
    told = f"{equal} is 0.5 (gate b), {equal} is 0.09 (gate a), {odds} is 0.06 (gate c)"
    assert ("bias", "gate b, gate a, gate c", 0.5, True) == (
        said["rule"], said["where"], said["value"], said["says"].startswith(f"{told}, above 0.05: ")
    )  # fmt: skip


@pytest.mark.parametrize(("threshold", "wanted"), [(-0.01, "0.01 better"), (0.02, "0.02 worse"), (0.0, "no worse"), (None, None)])
def test_a_threshold_of_a_comparison_is_told_in_words(threshold, wanted):
    compared = row("champion", threshold=threshold, evidence={"versus": "champion", "test": "bootstrap"})
    told = report(version(), [compared, row()], AT)
    assert [wanted, None] == [gate["wanted"] for gate in told["gates"]]
    assert wanted is None or f'<td class="n">{wanted}</td>' in page(told)


def test_a_difference_from_another_model_is_no_value():
    asked = [{"gate": "g", "metric": "accuracy", "value": 0.01, "evidence": {"versus": "champion"}, "waived": None}]
    assert [] == list(recommended(asked, {"accuracy": 0.95}))
    assert ["held-out rows"] == [one["where"] for one in recommended(asked, {"accuracy": 0.5})]


def test_few_rows_and_waivers_are_told_of():
    slices = [{"slice": "region=isle", "status": "insufficient", "n": 3}]
    told = report(version(), [row(passed=False, evidence={"slices": slices}, waived=waiver(3))], AT)
    assert ["few-rows", "waived"] == [one["rule"] for one in told["recommendations"]]


class Page(HTMLParser):
    """What a page holds: its tags, and whatever it would fetch."""

    def __init__(self):
        super().__init__()
        self.tags, self.fetched, self.text = [], [], []

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.fetched += [value for name, value in attrs if name in ("src", "href", "action")]

    def handle_data(self, data):
        self.text.append(data)


def test_a_page_shows_what_was_said_and_runs_nothing_of_it():
    groups = [
        {
            "group": NASTY, "n": 5, "said_yes": {"value": 0.5, "low": 0.1, "high": 0.9}, "true_positive_rate": None,
            "false_positive_rate": None, "predicted": 0.4, "observed": 0.5,
        }
    ]  # fmt: skip
    slices = [
        {"slice": NASTY, "status": "insufficient", "n": 3},
        {"slice": "b", "status": "failed", "n": 30, "value": 0.123456, "low": 0.1, "high": 0.2},
    ]
    evidence = {"method": NASTY, "slices": slices, "groups": groups}
    bad = row(NASTY, passed=False, reason=NASTY, evidence=evidence, waived={**waiver(-3), "by": NASTY}, value=None)
    html = page(report(version(roc_auc=0.8125), [row(), bad], AT))
    found = Page()
    found.feed(html)
    assert ([], False, False) == (found.fetched, "script" in found.tags, bool(re.search(r"https?:|url\(|@import", html)))
    text = "".join(found.text)
    assert all(word in text for word in (NASTY, "0.8125", "0.1235", "insufficient", "which is over", "sha256:aa"))


def test_a_verdict_from_before_evidence_is_shown():
    html = page(report(version(), [row(evidence=None)], AT))
    assert "quality" in html
