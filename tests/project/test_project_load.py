"""A folder to a project."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from headrace import project
from headrace.address import Address
from headrace.diagnostics import Report, Span
from headrace.hooks import Plugins, load_plugins
from headrace.project import Project
from headrace.spec import Backtest, Source

ROOT = Path(__file__).parents[2]
BASE = ROOT / "tests" / "cases" / "base.yaml"
HEAVY = "numpy scipy pandas sklearn lightgbm sqlalchemy prefect fastapi"
NO_PLUGINS = Plugins({}, {}, {}, {}, {})


@pytest.fixture
def make(tmp_path: Path) -> Callable[..., tuple[Project | None, list[str]]]:
    """Write files, load, and give the project with the ids of what was said."""

    def run(files: dict[str, str], environment: str | None = None, plugins: Plugins | None = None) -> tuple[Project | None, list[str]]:
        for name, text in files.items():
            (tmp_path / name).parent.mkdir(exist_ok=True)
            (tmp_path / name).write_text(text)
        report = Report()
        loaded = project.load(tmp_path, report, environment, plugins=plugins)
        return loaded, [d.id for d in report]

    return run


def reference() -> Project:
    report = Report()
    loaded = project.load(ROOT, report)
    assert loaded is not None
    assert report.found == []
    return loaded


def test_the_reference_project_is_valid() -> None:
    loaded = reference()
    assert ("labour", "dev", ["employment"], ["census", "census_labels", "census_later"]) == (
        loaded.project.name,
        loaded.environment.name,
        [m.name for m in loaded.models],
        [s.name for s in loaded.sources],
    )
    assert (["person"], ["ml-log", "ml-team"], ["census-2016-2018"], ["dev"]) == (
        [v.name for v in loaded.feature_views],
        [c.name for c in loaded.channels],
        [b.name for b in loaded.backtests],
        [e.name for e in loaded.environments],
    )
    assert "lightgbm.classifier" in loaded.plugins.algorithms


def test_inputs_stand_in_the_order_of_their_names() -> None:
    loaded = reference()
    found = loaded.inputs(loaded.models[0])
    assert ("age", "number", 0.0, 120.0) == (found[0].name, found[0].type, found[0].low, found[0].high)
    assert sorted(item.name for item in found) == [item.name for item in found]
    assert 16 == len(found)


@pytest.mark.parametrize(
    ("path", "key", "place"),
    [
        ((), False, (2, 1)),
        (("name",), False, (3, 7)),
        (("name",), True, (3, 1)),
        (("training", "params", "num_leaves"), False, (17, 64)),
        (("training",), False, (15, 1)),
        (("gates", 1), False, (24, 10)),
        (("gates", 1, "metric"), False, (24, 28)),
        (("gates", 1, "confidence"), False, (24, 10)),
        (("gates", 99), False, (22, 1)),
        (("training", "timeout"), False, (15, 1)),
    ],
)
def test_every_part_has_a_place(path: tuple[str | int, ...], *, key: bool, place: tuple[int, int]) -> None:
    span = reference().where(Address("model", "employment"), path, key=key)
    assert ("specs/employment.yaml", *place) == (span.file, span.line, span.column)


def test_one_spec_by_its_address() -> None:
    loaded = reference()
    assert "census" == loaded.get(Source, "source/census").name
    with pytest.raises(KeyError):
        loaded.get(Backtest, "source/census")


def test_no_folder(tmp_path: Path) -> None:
    report = Report()
    assert project.load(tmp_path, report) is None
    assert ["no-specs"] == [d.id for d in report]


def test_what_is_not_read_is_a_note(make: Callable[..., tuple[Project | None, list[str]]], tmp_path: Path) -> None:
    (tmp_path / "specs" / "more").mkdir(parents=True)
    files = {"specs/a.yml": "kind: project\nname: p\nlanguage: 1", "specs/b.txt": "", "specs/.hidden": ""}
    loaded, said = make(files, plugins=NO_PLUGINS)
    assert (True, ["not-read", "not-read"]) == (loaded is not None, said)


def test_a_folder_of_what_specs_name_is_no_lost_spec(make: Callable[..., tuple[Project | None, list[str]]], tmp_path: Path) -> None:
    (tmp_path / "specs" / "cards").mkdir(parents=True)
    (tmp_path / "specs" / "cards" / "work.md").write_text("")
    loaded, said = make({"specs/a.yml": "kind: project\nname: p\nlanguage: 1"}, plugins=NO_PLUGINS)
    assert (True, []) == (loaded is not None, said)


def test_a_file_that_cannot_be_read(
    make: Callable[..., tuple[Project | None, list[str]]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = Path.read_bytes

    def denied(self: Path) -> bytes:
        if self.name == "b.yaml":
            raise PermissionError(13, "Permission denied")
        return real(self)

    monkeypatch.setattr(Path, "read_bytes", denied)
    loaded, said = make({"specs/a.yaml": "kind: project\nname: p\nlanguage: 1", "specs/b.yaml": ""}, plugins=NO_PLUGINS)
    assert (None, ["unreadable-file"]) == (loaded, said)


ENVIRONMENTS = (
    "kind: project\nname: p\nlanguage: 1\n---\nkind: environment\nname: dev\n"
    "---\nkind: environment\nname: prod\nstore: sqlite:///prod.db\nproduction: true\n"
)


@pytest.mark.parametrize(("wanted", "name", "said"), [(None, "dev", []), ("prod", "prod", []), ("prd", None, ["unknown-environment"])])
def test_which_environment(
    make: Callable[..., tuple[Project | None, list[str]]], wanted: str | None, name: str | None, said: list[str]
) -> None:
    loaded, found = make({"specs/a.yaml": ENVIRONMENTS}, wanted, NO_PLUGINS)
    assert (name, said) == (loaded and loaded.environment.name, found)


def test_the_only_environment_is_meant(make: Callable[..., tuple[Project | None, list[str]]]) -> None:
    loaded, _ = make(
        {
            "specs/a.yaml": ENVIRONMENTS.replace("name: dev", "name: prod").replace(
                "---\nkind: environment\nname: prod\nstore: sqlite:///prod.db\nproduction: true\n", ""
            )
        },
        None,
        NO_PLUGINS,
    )
    assert "prod" == (loaded and loaded.environment.name)


def test_a_broken_environment_is_not_unknown(make: Callable[..., tuple[Project | None, list[str]]]) -> None:
    loaded, said = make({"specs/a.yaml": ENVIRONMENTS.replace("sqlite:///prod.db", "7")}, "prod", NO_PLUGINS)
    assert (None, ["wrong-type"]) == (loaded, said)


def test_a_plugin_of_the_project(make: Callable[..., tuple[Project | None, list[str]]]) -> None:
    plugin = """
from headrace.hooks import Metric, hookimpl
@hookimpl
def headrace_metrics():
    return [Metric("mine", f"{__name__}:mine", better="higher")]
def mine(target, predictions):
    return 1.0
"""
    base = BASE.read_text().replace("metric: roc_auc, min", "metric: mine, min")
    loaded, said = make({"specs/a.yaml": base, "plugins/mine.py": plugin})
    assert (True, []) == (loaded is not None, said)


def test_a_plugin_that_fails_is_named_and_its_names_are_not_judged(make: Callable[..., tuple[Project | None, list[str]]]) -> None:
    base = BASE.read_text().replace("metric: roc_auc, min", "metric: mine, min")
    loaded, said = make({"specs/a.yaml": base, "plugins/mine.py": "raise RuntimeError('no')"})
    assert (None, ["plugin-failed"]) == (loaded, said)


HOOK = """
from headrace.hooks import Metric, hookimpl
def mine(target, predictions):
    return 1.0
@hookimpl
def headrace_metrics():
"""


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (HOOK + "    return None", "plugin `plugins/mine.py` failed in `headrace_metrics`: it gave None, and not a list"),
        (HOOK + "    return [1]", "plugin `plugins/mine.py` failed in `headrace_metrics`: it gave int, and not Metric"),
        (HOOK + "    return ['roc']", "it gave str, and not Metric"),
        (HOOK + "    return Metric('mine', 'a:b', better='higher')", "it gave Metric, and not a list"),
        (HOOK + "    return [Metric(7, 'a:b', better='higher')]", "it gave a Metric whose name is 7"),
        (HOOK + "    yield Metric('mine', 'a:b', better='higher')\n    raise RuntimeError('late')", "RuntimeError: late"),
        (HOOK + "    exit(0)", "SystemExit: 0"),
        ("import sys\nsys.exit()", "plugin `plugins/mine.py` cannot be loaded: SystemExit"),
    ],
)
def test_whatever_a_plugin_does_it_is_named(tmp_path: Path, text: str, told: str) -> None:
    (tmp_path / "plugins").mkdir()
    (tmp_path / "plugins" / "mine.py").write_text(text)
    report = Report()
    found = load_plugins(tmp_path, report, allow=[])
    assert (["plugin-failed"], True, False) == ([d.id for d in report], told in report.found[0].message, "mine" in found.metrics), report


def test_a_hook_may_yield(tmp_path: Path) -> None:
    (tmp_path / "plugins").mkdir()
    (tmp_path / "plugins" / "mine.py").write_text(HOOK + "    yield Metric('mine', f'{__name__}:mine', better='higher')")
    report = Report()
    assert (True, []) == ("mine" in load_plugins(tmp_path, report, allow=[]).metrics, report.found)


def test_parameters_that_end_python(make: Callable[..., tuple[Project | None, list[str]]]) -> None:
    ends = "headrace_project_plugins.mine:Params"
    plugin = f"""
from headrace.hooks import ChannelType, hookimpl
@hookimpl
def headrace_channels():
    return [ChannelType("mine", {ends!r}, {ends!r})]
def __getattr__(name):
    if name == "Params":
        exit(0)
    raise AttributeError(name)
"""
    text = "kind: project\nname: p\nlanguage: 1\n---\nkind: channel\nname: c\ntype: mine\n"
    loaded, said = make({"specs/a.yaml": text, "plugins/mine.py": plugin})
    assert (None, ["plugin-failed"]) == (loaded, said)


def test_two_plugins_of_one_name(make: Callable[..., tuple[Project | None, list[str]]]) -> None:
    plugin = """
from headrace.hooks import Metric, hookimpl
@hookimpl
def headrace_metrics():
    return [Metric("roc_auc", f"{__name__}:mine", better="higher")]
def mine(target, predictions):
    return 1.0
"""
    loaded, said = make({"specs/a.yaml": BASE.read_text(), "plugins/mine.py": plugin})
    assert (None, ["plugin-collision"]) == (loaded, said)


def test_parameters_that_cannot_be_imported(make: Callable[..., tuple[Project | None, list[str]]]) -> None:
    plugin = """
from headrace.hooks import ChannelType, hookimpl
@hookimpl
def headrace_channels():
    return [ChannelType("mine", "nowhere_at_all:Params", "nowhere_at_all:send")]
"""
    text = "kind: project\nname: p\nlanguage: 1\n---\nkind: channel\nname: c\ntype: mine\n"
    loaded, said = make({"specs/a.yaml": text, "plugins/mine.py": plugin})
    assert (None, ["plugin-failed"]) == (loaded, said)


def test_loading_keeps_what_was_said_before(tmp_path: Path) -> None:
    report = Report()
    project.load(tmp_path, report)
    loaded = project.load(ROOT, report)
    assert (True, ["no-specs"]) == (loaded is not None, [d.id for d in report])


def test_nothing_heavy_is_loaded() -> None:
    code = f"""
import sys
from pathlib import Path
from headrace import project
from headrace.diagnostics import Report
report = Report()
assert project.load(Path({str(ROOT)!r}), report) is not None, report.found
print([name for name in {HEAVY!r}.split() if name in sys.modules])
"""
    assert "[]\n" == subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout


def test_a_file_that_is_no_text_has_a_place(tmp_path: Path) -> None:
    (tmp_path / "specs").mkdir()
    (tmp_path / "specs" / "a.yaml").write_bytes(b"kind: project\nname: \xe9")
    report = Report()
    project.load(tmp_path, report, plugins=NO_PLUGINS)
    assert [Span("specs/a.yaml", 2, 7, 2, 8)] == [d.span for d in report]


BROKEN_VIEW = "kind: feature_view\nname: person\nfrom: [people\n"


def parted() -> dict[str, str]:
    """The base project, each document in a file of its own."""
    documents = BASE.read_text().split("---\n")
    return {f"specs/{number:02}.yaml": text for number, text in enumerate(documents)}


def test_a_broken_file_leaves_the_references_of_the_others_judged(make: Callable[..., tuple[Project | None, list[str]]]) -> None:
    """The view cannot be read, but is there; the channel is not."""
    files = {
        name: BROKEN_VIEW if "kind: feature_view" in text else text.replace("notify: [team]", "notify: [teem]")
        for name, text in parted().items()
    }
    assert ["yaml-syntax", "unknown-reference"] == sorted(make(files)[1], reverse=True)


def test_a_broken_file_that_does_not_say_what_it_holds_leaves_references_unjudged(
    make: Callable[..., tuple[Project | None, list[str]]],
) -> None:
    files = {name: "{kind: feature_view, name: [\n" if "kind: feature_view" in text else text for name, text in parted().items()}
    files = {name: text.replace("notify: [team]", "notify: [teem]") for name, text in files.items()}
    assert 1 == len(make(files)[1])


def test_a_document_of_a_known_kind_without_a_name_hides_that_kind_alone(make: Callable[..., tuple[Project | None, list[str]]]) -> None:
    files = {name: text.replace("name: person\n", "") if "kind: feature_view" in text else text for name, text in parted().items()}
    files = {name: text.replace("notify: [team]", "notify: [teem]") for name, text in files.items()}
    assert ["missing-key", "unknown-reference"] == sorted(make(files)[1])
