"""Who takes part, and who may take whose place."""

import pytest


def adds(name: str, *, override: bool = False) -> str:
    return f"""
from headrace.hooks import Metric, hookimpl

def mine(target, predictions):
    return 1.0

@hookimpl
def headrace_metrics():
    return [Metric({name!r}, f"{{__name__}}:mine", better="higher", override={override})]
"""


def test_everything_knows_where_it_comes_from(project, installed) -> None:
    installed("acme-metrics", "1.2", adds("acme"))
    plugins, report = project(mine=adds("own"))
    origins = [(o.name, o.kind, o.version is not None) for o in (plugins.origin("metric", name) for name in ("roc_auc", "acme", "own"))]
    assert ([("headrace", "builtin", True), ("acme-metrics", "installed", True), ("plugins/mine.py", "project", False)], []) == (
        origins,
        report.found,
    )


def test_a_collision_is_an_error_that_names_both(project, installed) -> None:
    installed("acme-metrics", "1.2", adds("roc_auc"))
    plugins, report = project()
    assert ["plugin-collision"] == [d.id for d in report]
    assert "the metric `roc_auc` is added by both `headrace`" in report.found[0].message
    assert "and `acme-metrics` 1.2" in report.found[0].message
    assert "headrace" == plugins.origin("metric", "roc_auc").name


def test_an_override_takes_the_place_of_what_comes_before(project, installed) -> None:
    installed("acme-metrics", "1.2", adds("roc_auc", override=True))
    plugins, report = project()
    assert ("acme-metrics", []) == (plugins.origin("metric", "roc_auc").name, report.found)
    plugins, report = project(mine=adds("roc_auc", override=True))
    assert ("plugins/mine.py", []) == (plugins.origin("metric", "roc_auc").name, report.found)


def test_no_override_among_equals(project) -> None:
    plugins, report = project(a=adds("own", override=True), b=adds("own", override=True))
    assert (["plugin-collision"], "plugins/a.py") == ([d.id for d in report], plugins.origin("metric", "own").name)


def test_two_readers_of_one_suffix_collide(project) -> None:
    text = """
from headrace.hooks import Reader, hookimpl

def read(path, columns): ...

@hookimpl
def headrace_readers():
    return [Reader("mine", (".csv",), f"{__name__}:read"%s)]
"""
    _, report = project(mine=text % "")
    assert ["a reader of `.csv` is added by both `headrace` 0.1.0 and `plugins/mine.py`"] == [d.message for d in report]
    plugins, report = project(mine=text % ", override=True")
    assert ([], True, False) == (report.found, "mine" in plugins.readers, "csv" in plugins.readers)


@pytest.mark.parametrize(
    ("given", "why"),
    [
        ({"deny": ("acme_metrics",)}, "`plugins.deny` in headrace.yaml names it"),
        ({"allow": []}, "`plugins.allow` in headrace.yaml does not name it"),
        ({"allow": ["Acme.Metrics"]}, None),
    ],
)
def test_allow_and_deny_go_by_distribution(project, installed, given: dict, why: str | None) -> None:
    installed("acme-metrics", "1.2", adds("acme"))
    plugins, report = project(**given)
    assert (why is None, [], [why] if why else []) == ("acme" in plugins.metrics, report.found, [off.why for off in plugins.off])


@pytest.mark.parametrize(
    ("only", "left"),
    [("", []), ("acme-metrics", ["acme"]), ("plugins/mine.py", ["own"]), ("mine, acme_metrics", ["acme", "own"])],
)
def test_the_environment_restricts(project, installed, monkeypatch, only: str, left: list[str]) -> None:
    monkeypatch.setenv("HEADRACE_PLUGINS", only)
    installed("acme-metrics", "1.2", adds("acme"))
    plugins, report = project(mine=adds("own"))
    assert (left, []) == (sorted({"acme", "own"} & set(plugins.metrics)), report.found)
    assert "roc_auc" in plugins.metrics


def test_a_denied_plugin_is_not_even_imported(project, installed) -> None:
    installed("acme-metrics", "1.2", "raise RuntimeError\n")
    _, report = project(deny=("acme-metrics",))
    assert [] == report.found
