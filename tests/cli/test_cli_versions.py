"""headrace models: search, compare, stage, semver, alias, tag, delete, gc and --as-of, over a store that holds four versions."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

sys.path.insert(0, str(Path(__file__).parents[1] / "serving"))

from serving_project import MODEL, Project
from serving_project import project as make_project

from headrace import registry
from headrace.cli import main
from headrace.diagnostics import Exit
from headrace.store import tables

AT = datetime(2020, 1, 1, tzinfo=UTC)
Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def made(tmp_path: Path) -> Iterator[Project]:
    """1 is previous, 2 champion."""
    project = make_project(tmp_path)
    for seed in range(4):
        project.register(seed)
    for number in (1, 2):
        with project.store.transaction("user:test", "promote", MODEL) as session:
            registry.promote(session, model=MODEL, number=number, at=datetime.now(UTC) + timedelta(hours=number), reason="test")
    yield project
    project.store.close()


@pytest.fixture
def models(made: Project, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    monkeypatch.delenv("PREFECT_API_URL", raising=False)

    def run(*arguments: str) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["headrace", "models", *arguments])
        with pytest.raises(SystemExit) as ended:
            main(["models", *arguments, "--root", str(made.root)])
        told = capsys.readouterr()
        assert isinstance(ended.value.code, int)
        return ended.value.code, told.out, told.err

    return run


def told(run: Run, *arguments: str) -> Any:
    code, out, err = run(*arguments, "--json")
    assert (0, "") == (code, err)
    return json.loads(out)


def many(made: Project) -> None:
    """A version with five metrics, two of which gates read."""
    metrics = {"accuracy": 0.8, "brier": 0.2, "log_loss": 0.4, "mcc": 0.5, "roc_auc": 0.9}
    with made.store.read() as session:
        digests = registry.get(session, MODEL, 4).manifest["digests"]
    registry.register(
        made.store, actor="t", model=MODEL, run_id="many", manifest={"digests": digests, "metrics": metrics}, model_bytes=b"m",
        algorithm="a", format="f", at=AT,
    )  # fmt: skip
    with made.store.transaction("t", "judge", MODEL) as session:
        for name in ("roc_auc", "brier"):
            told = {"gate": name, "metric": name, "passed": True, "mode": "block", "value": metrics[name], "reason": "it does"}
            session.add(tables.Verdict(model=MODEL, number=5, run_id="many", at=AT, **told))


def test_a_table_shows_the_metrics_that_gates_read(made: Project, models: Run) -> None:
    many(made)
    (line,) = [line for line in models(MODEL)[1].splitlines() if line.startswith("  5 ")]
    assert (True, False) == ("brier 0.2000  roc_auc 0.9000" in line, "accuracy" in line)
    assert "  3 more metrics: `--metrics accuracy`, `--metrics all`, or `--json`\n" in models(MODEL)[1]


@pytest.mark.parametrize(
    ("asked", "shown"),
    [
        ("mcc, accuracy", "  mcc 0.5000  accuracy 0.8000  "),
        ("all", "  accuracy 0.8000  brier 0.2000  log_loss 0.4000  mcc 0.5000  roc_auc 0.9000  "),
    ],
)
def test_other_metrics_are_shown_where_they_are_asked_for(made: Project, models: Run, asked: str, shown: str) -> None:
    many(made)
    code, out, _ = models(MODEL, "--metrics", asked)
    assert (0, True, False) == (code, shown in out, "more metrics" in out)


def test_a_metric_that_no_version_has_is_said(made: Project, models: Run) -> None:
    many(made)
    code, _, err = models(MODEL, "--metrics", "rok_auc")
    assert (Exit.USAGE, True) == (code, "no version has the metric `rok_auc`; there are: accuracy, brier" in err)


def test_a_name_a_stage_a_semver_and_a_tag_are_given_and_searched(models: Run) -> None:
    assert "model/employment v3 is 1.4.0\n" == models("semver", "employment@3", "1.4.0")[1]
    assert "model/employment v3: tier = gold\n" == models("tag", "employment@1.4.0", "tier=gold")[1]
    assert "model/employment v3 is called `shadow`\n" == models("alias", "employment@3", "shadow")[1]
    assert "model/employment v4 is archived\n" == models("stage", "employment@4", "archived", "--reason", "old")[1]
    for text in ("semver >= '1.0.0'", "tags.tier == 'gold'", "alias == 'shadow'"):
        assert [3] == [item["version"] for item in told(models, "search", text)["versions"]]
    assert "model/employment v3 is no longer called `shadow`\n" == models("alias", "employment@3", "shadow", "--drop")[1]
    assert "model/employment v3: tier = (none)\n" == models("tag", "employment@3", "tier=")[1]
    out = models("search", "stage == 'archived'", "--plan")[1]
    assert ("employment@4" in out, "page 1 of 1, 1 versions" in out, "ix_version_index_stage" in out) == (True, True, True)
    assert "no version on page 9 of 1" in models("search", "--page", "9")[1]


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["delete", "employment@2", "--reason", "x"], Exit.REFUSED, "version-in-use"),
        (["delete", "employment@9", "--reason", "x"], Exit.FAILED, "no-version"),
        (["delete", "employment", "--reason", "x"], Exit.USAGE, "which-version"),
        (["delete", "employment@", "--reason", "x"], Exit.USAGE, "which-version"),
        (["stage", "employment@3", "production", "--reason", "x"], Exit.REFUSED, "illegal-stage"),
        (["stage", "employment@3", "archive", "--reason", "x"], Exit.USAGE, "did you mean `archived`?"),
        (["stage", "employment@3", "archived", "--reason", "x", "--expect", "retired"], Exit.REFUSED, "registry-conflict"),
        (["semver", "employment@3", "1.4"], Exit.USAGE, "bad-semver"),
        (["alias", "employment@3", "champion"], Exit.USAGE, "reserved-alias"),
        (["alias", "employment@3", "staging"], Exit.USAGE, "reserved-alias"),
        (["tag", "employment@3", "gold"], Exit.USAGE, "bad-tag"),
        (["search", "roc > 1"], Exit.USAGE, "bad-filter"),
        (["search", "--order", "roc"], Exit.USAGE, "bad-order"),
        (["employment", "--as-of", "monday"], Exit.USAGE, "is no time"),
    ],
)
def test_what_cannot_be_is_refused(models: Run, arguments: list[str], code: int, said: str) -> None:
    got, out, err = models(*arguments)
    assert (code, "", True) == (got, out, said in err)


def test_a_withdrawn_version_is_hidden_unless_asked_for(models: Run) -> None:
    assert "bad rows" == told(models, "delete", "employment@3", "--reason", "bad rows", "--expect", "registered")["withdrawn"]
    assert [[4, 2, 1], [4, 3, 2, 1]] == [
        [item["version"] for item in told(models, *more)["models"][0]["versions"]] for more in ([], ["list", "--withdrawn"])
    ]
    assert "registered (withdrawn)" in models("--withdrawn")[1]


def test_as_of_a_time_the_champion_is_told_with_its_digest(made: Project, models: Run) -> None:
    moments = [(datetime.now(UTC) + timedelta(hours=hours)).isoformat() for hours in (0.5, 1.5, 2.5)]
    found = [told(models, "employment", "--as-of", at)["models"][0] for at in moments]
    assert [None, 1, 2] == [item["production"] and item["production"]["version"] for item in found]
    with made.store.read() as session:
        assert registry.get(session, MODEL, 2).model_digest == found[2]["aliases"]["champion"]["digest"]
    assert "  nothing was in production" in models("--as-of", "2019-01-01")[1].splitlines()
    out = models("--as-of", moments[2])[1]
    assert ("previous" in out, "stages: 1 deprecated, 2 production" in out) == (True, True)


def test_versions_are_compared_as_text_json_and_page(made: Project, models: Run) -> None:
    page = made.root / "difference.html"
    out = models("compare", "employment@1", "employment@champion", "--html", str(page), "--all")[1]
    assert ("params: the same" in out, page.read_text().startswith("<!doctype html>")) == (True, True)
    assert [1, 2] == [item["version"] for item in told(models, "compare", "employment@1", "employment@2")["versions"]]


def test_blobs_of_no_use_are_told_and_taken(made: Project, models: Run) -> None:
    name = made.store.blobs.put(b"of nobody")
    path = made.store.blobs.path(name)
    os.utime(path, (0, 0))
    assert (True, False) == ([name] == [item["digest"] for item in told(models, "gc")["taken"]], told(models, "gc")["applied"])
    assert "9 bytes were taken away" in models("gc", "--apply")[1]
    assert not path.exists()


def test_the_shell_offers_versions_stages_and_orders(made: Project) -> None:
    import click

    from headrace.cli import completing

    context = click.Context(click.Command("x"))
    context.params = {"root": made.root}
    argument = click.Argument(["x"])
    assert ["employment@2"] == [item.value for item in completing.versions(context, argument, "employment@2")]
    assert ["registered", "retired", "rejected"] == [item.value for item in completing.stages(context, argument, "re")]
    assert ["semver"] == [item.value for item in completing.version_orders(context, argument, "s")][:1]
    context.params = {"root": made.root / "none"}
    assert [] == completing.versions(context, argument, "")
