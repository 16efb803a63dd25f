"""Versions beside one another: every key of the manifests, code by file, environment by package; a page that obeys nothing."""

import pytest

from headrace.registry import difference, page
from headrace.registry.difference import Section


@pytest.fixture
def two(make, store):
    first = {
        "code": store.blobs.put(b"a.py\0aa\nb.py\0bb\n"),
        "environment": store.blobs.put(b"numpy==1.0\nscipy==2.0"),
    }
    second = {"code": store.blobs.put(b"a.py\0aa\nb.py\0cc\nd.py\0dd\n"), "environment": store.blobs.put(b"numpy==1.1\nscipy==2.0")}
    made = make(data=b"1")
    rest = {part: made.manifest["digests"][part] for part in ("data", "spec")}
    return [
        make(data=b"2", digests=rest | first, params={"depth": 3, "on": 1}, metrics={"auc": 0.8}, rows={"train": 9}),
        make(
            data=b"3",
            digests=rest | second,
            params={"depth": 5, "on": True, "<b>": "<script>alert(1)</script>"},
            metrics={"auc": 0.9},
            rows={"train": 12},
            signature=[{"name": "a", "type": "category", "categories": ["x"], "low": None, "high": None}, {"name": "b", "type": "number"}],
        ),
    ]


def other(store, versions):
    found = difference.compare(store, versions)
    return {(row.section.value, row.name): tuple(map(repr, row.values)) for row in found.rows if not row.same}


def test_what_differs_is_named_with_each_value(store, two):
    found = other(store, two)
    digests = {key: found.pop(key) for key in list(found) if key[1] == "(digest)"}
    assert {("code", "(digest)"), ("environment", "(digest)")} == set(digests)
    assert {
        ("params", "depth"): ("3", "5"),
        ("params", "on"): ("1", "True"),
        ("params", "<b>"): ("absent", "'<script>alert(1)</script>'"),
        ("metrics", "auc"): ("0.8", "0.9"),
        ("signature", "a.type"): ("'number'", "'category'"),
        ("signature", "a.categories"): ("[]", "['x']"),
        ("signature", "b.place"): ("absent", "2"),
        ("signature", "b.type"): ("absent", "'number'"),
        ("data", "rows.train"): ("9", "12"),
        ("code", "b.py"): ("'bb'", "'cc'"),
        ("code", "d.py"): ("absent", "'dd'"),
        ("environment", "numpy"): ("'1.0'", "'1.1'"),
    } == found


def test_a_version_is_as_it_is(store, two):
    assert {} == other(store, [two[0], two[0]])


def test_a_change_is_told_of_numbers_alone(store, two):
    rows = {(row.section, row.name): row.change for row in difference.compare(store, two).rows}
    assert (pytest.approx(0.1), 2.0, None, None) == tuple(
        rows[Section(s), n] for s, n in (("metrics", "auc"), ("params", "depth"), ("params", "on"), ("params", "<b>"))
    )


def test_code_that_is_lost_is_said(store, make):
    found = difference.compare(store, [make(), make()])
    assert 4 == len(found.unread)
    assert "the code of model/churn v1 is not among the blobs" in found.unread[0]


def test_a_page_obeys_nothing_that_a_version_says(store, two):
    text = page.page(difference.compare(store, two))
    assert ("<script" not in text, "&lt;script&gt;alert(1)&lt;/script&gt;" in text, "<b>" not in text) == (True, True, True)
    assert ("default-src 'none'" in text, "+0.1" in text, "absent" in text, text.count("<h2>")) == (True, True, True, 7)
