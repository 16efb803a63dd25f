"""The language's specification: tests/cases/<word>/*.md."""

import os
import re
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

import pytest

from acting import ACTS, EXPECTED, Acting, Prepared, acts, starting_point
from headrace import project
from headrace.diagnostics import Report, render
from headrace.diagnostics.codes import CODES
from headrace.hooks import Plugins, load_plugins

CASES = Path(__file__).parent / "cases"
PRINTED = re.compile(r"^(error|warning|note)\[([a-z0-9-]+)\]", flags=re.MULTILINE)


@dataclass
class Case:
    """One `##` of a file."""

    file: Path
    title: str
    blocks: list[tuple[str, str]] = field(default_factory=list)

    def __str__(self) -> str:
        return f"{self.file.parent.name}/{self.file.stem}: {self.title}"


def cases() -> Iterator[Case]:
    for file in sorted(CASES.glob("*/*.md")):
        for part in re.split(r"^## ", file.read_text(), flags=re.MULTILINE)[1:]:
            case = Case(file, part.splitlines()[0])
            case.blocks = re.findall(r"^```(.*?)\n(.*?)^```$", part, flags=re.MULTILINE | re.DOTALL)
            yield case


ALL = list(cases())
ACTING = [case for case in ALL if acts(case.blocks)]


@cache
def installed() -> Plugins:
    report = Report()
    found = load_plugins(None, report)
    assert report.found == []
    return found


def sections(text: str) -> dict[str, str]:
    """A document's text by its top-level keys."""
    parts = re.split(r"^(?=[A-Za-z_\"-]+:)", text, flags=re.MULTILINE)
    return {part.partition(":")[0]: part for part in parts if ":" in part}


def merged(fragment: str, base: str) -> str:
    """A base document with the fragment's sections in the place of its own; the fragment first, so that its lines stay."""
    dropped = set(sections(fragment))
    for line in re.findall(r"# without: (.*)", fragment):
        dropped |= set(line.split(", "))
    return fragment + "".join(part for key, part in sections(base).items() if key not in dropped)


def base_of(case: Case) -> list[str]:
    """The documents beside those of the case: what is only checked has no rows, and mostly no backtest."""
    text = (CASES / "base.yaml").read_text()
    if acts(case.blocks):
        return text.replace(".parquet", ".csv").split("---\n")
    base = text.split("---\n")
    return base if case.file.parent.name == "backtest" else [b for b in base if not b.startswith("kind: backtest")]


def written(case: Case, root: Path) -> None:
    """The case's specs, and its files."""
    base = base_of(case)
    (root / "specs").mkdir(exist_ok=True)
    for number, (info, text) in enumerate(case.blocks):
        own = root / "specs" / (f"case{number + 1}.yaml" if number else "case.yaml")
        match info.split():
            case ["yaml", "alone"]:
                base = []
                own.write_text(text)
            case ["yaml"]:
                addresses = {(s["kind"], s["name"]) for s in map(sections, text.split("---\n")) if {"kind", "name"} <= set(s)}
                base = [b for b in base if (sections(b)["kind"], sections(b)["name"]) not in addresses]
                own.write_text(text)
            case ["yaml", kind]:
                mine = next(b for b in base if sections(b)["kind"] == f"kind: {kind}\n")
                base.remove(mine)
                own.write_text(merged(text, mine))
            case [word, *_]:
                assert word in (*ACTS, "file", "output"), info
    if base:
        (root / "specs" / "base.yaml").write_text("---\n".join(base))


def files(case: Case, root: Path) -> None:
    """The case's files beside its specs."""
    for info, text in case.blocks:
        if info.startswith("file "):
            path = root / info.split()[1]
            path.parent.mkdir(exist_ok=True, parents=True)
            path.write_bytes(text.encode().decode("unicode_escape").encode("latin-1"))


def expected(root: Path) -> list[tuple[str, int, str, str]]:
    found = []
    for path in sorted((root / "specs").iterdir()):
        for number, line in enumerate(path.read_bytes().decode("utf-8", "replace").split("\n"), 1):
            comment = re.split(r"(?:^|\s)# (?=error|warning|note)", line)[-1]
            found += [(f"specs/{path.name}", number, match[1], match[2]) for match in EXPECTED.finditer(comment)]
    return sorted(found)


@pytest.mark.parametrize("case", [case for case in ALL if not acts(case.blocks)], ids=str)
def test_case(case: Case, tmp_path: Path) -> None:
    written(case, tmp_path)
    files(case, tmp_path)
    report = Report()
    loaded = project.load(tmp_path, report, plugins=installed())
    assert (loaded is None) == bool(report.errors)
    output = next((text for info, text in case.blocks if info == "output"), None)
    if output is not None:
        shown = render.to_text(report) + "\n"
        if os.environ.get("HEADRACE_UPDATE"):
            case.file.write_text(case.file.read_text().replace(f"```output\n{output}```", f"```output\n{shown}```"))
            return
        assert output == shown
        return
    got = sorted((d.span.file, d.span.line, str(d.severity), d.id) if d.span else ("", 0, str(d.severity), d.id) for d in report)
    assert expected(tmp_path) == got, render.to_text(report)
    told = "\n".join(d.message for d in report)
    words = [match[3] for _, text in case.blocks for match in EXPECTED.finditer(text) if match[3]]
    assert [] == [word for word in words if word not in told], told


@pytest.fixture(scope="session")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Prepared:
    """The projects that acting cases start from."""
    return Prepared(tmp_path_factory.mktemp("prepared"), (CASES / "base.yaml").read_text().replace(".parquet", ".csv"))


@pytest.mark.parametrize("case", ACTING, ids=str)
def test_acting_case(
    case: Case, tmp_path: Path, prepared: Prepared, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    for name in ("PREFECT_API_URL", "HEADRACE_WORKSPACE"):
        monkeypatch.delenv(name, raising=False)
    prepared.copy(starting_point(case.blocks), tmp_path)
    if any(info.startswith("yaml") for info, _ in case.blocks):
        written(case, tmp_path)
    files(case, tmp_path)
    monkeypatch.chdir(tmp_path)
    with ExitStack() as stack:
        acting = Acting(tmp_path, monkeypatch, capfd.readouterr, stack)
        for info, text in case.blocks:
            if info.split()[0] in ACTS:
                acting.act(info, text)


def shown() -> Iterator[str]:
    """Every id that a case shows: as a comment, or in what is printed."""
    for case in ALL:
        for info, text in case.blocks:
            yield from (match[2] for match in (PRINTED if info == "output" else EXPECTED).finditer(text))


def test_every_id_has_a_case() -> None:
    assert [] == sorted(set(CODES) - set(shown()))


def test_every_id_of_a_case_is_explained() -> None:
    assert [] == sorted(set(shown()) - set(CODES))


def test_the_base_project_is_valid(tmp_path: Path) -> None:
    written(Case(CASES, "base"), tmp_path)
    report = Report()
    assert (project.load(tmp_path, report, plugins=installed()) is not None, []) == (True, report.found)
