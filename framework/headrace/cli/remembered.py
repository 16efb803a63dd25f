"""What `validate` found the last time, for as long as nothing that it looked at is another; only what had no error is remembered.

A look at the specs depends on their files, on the code that judged them and on where it ran. All of it is written down beside the answer,
and the answer is told again only where all of it is the same. Where nothing but files of models differ, these are judged beside the
documents that are no models, and the rest of the answer stands: models know of one another only what `_claims` and `_related` say.
"""

from __future__ import annotations

import hashlib
import json
import os
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from headrace.diagnostics import Diagnostic, Edit, Report, Severity, Span

if TYPE_CHECKING:
    from headrace.address import Address
    from headrace.hooks import Plugins
    from headrace.project import Project
    from headrace.spec import Model

FORMAT = 1
"""Of the file; it rises when its shape changes."""
_BEGAN = time.time_ns()
_FRESH = 2_000_000_000
"""Nanoseconds: a module that was written so shortly before may have been read before it was written."""
_CODE = (".py", ".so", ".pyd", ".zip", ".pth", ".egg-link")


@dataclass(frozen=True, slots=True)
class Look:
    """What is known after a look."""

    report: Report
    documents: int | None
    """How many there are; None where they are invalid."""
    judged: int | None
    """How many files were judged for it; None for all of the folder."""
    plugins: Plugins | None = None
    """Those that took part; None where it was not looked."""


def look(root: Path, environment: str | None, *, remember: bool = True) -> Look:
    """Judge the specs of a folder, or say again what is known of them."""
    files = _contents(root) if remember else None
    here = _circumstances(root, environment) if files is not None else None
    if files is None or here is None:
        return _judged(root, environment, None)[0]
    if any(content is not None and b"waive" in content for content in files.values()):
        here["day"] = time.strftime("%Y-%m-%d", time.gmtime())  # what ends on a day is told of before
    place = _place(root, environment)
    old = _read(place, here)
    now = {name: _digest(content) for name, content in files.items()}
    if old is not None and now.keys() == old["files"].keys():
        differ = [name for name, digest in now.items() if digest != old["files"][name]["digest"]]
        if not differ:
            return _told(old["found"], old["documents"], files, 0)
        again = _again(root, environment, files, old, differ)
        if again is not None:
            found, entries = again
            _write(place, {**old, "files": {**old["files"], **entries}, "found": found, "modules": _modules(old["modules"])})
            return _told(found, old["documents"], files, sum(1 for entry in old["files"].values() if not _models(entry)) + len(differ))
    seen, projects, pure = _judged(root, environment, files)
    told_in = {d.span.file for d in seen.report.found if d.span is not None}
    if pure and seen.documents is not None and seen.report.ok and told_in <= files.keys() and _names(root) == files.keys():
        noted = {
            "circumstances": here,
            "modules": _modules({}),
            "files": _entries(files, projects),
            "documents": seen.documents,
            "found": [_plain(d) for d in seen.report.found],
        }
        _write(place, noted)
    return seen


class _Shell(Mapping[str, str]):
    """The environment of the shell, and whether anybody looked: what is made of it is not remembered."""

    def __init__(self) -> None:
        self.asked = False

    def __getitem__(self, name: str) -> str:
        self.asked = True
        return os.environ[name]

    def __iter__(self) -> Iterator[str]:
        self.asked = True
        return iter(os.environ)

    def __len__(self) -> int:
        self.asked = True
        return len(os.environ)


def _judged(root: Path, environment: str | None, files: Mapping[str, bytes | None] | None) -> tuple[Look, tuple[Project, ...], bool]:
    """A look at the folder, and whether it depends on nothing but the files and the code."""
    from headrace import project

    report, shell = Report(), _Shell()
    projects = project.judge(root, report, environment, shell=shell, instead=files)
    documents = len(projects[0].specs) if projects else None
    return (
        Look(report, documents, None, projects[0].plugins if projects else None),
        projects,
        not shell.asked and all(_pure(one) for one in projects),
    )


def _pure(project: Project) -> bool:
    """Whether nothing was read that stands in no spec: a user's own modules, or what a rule of a plugin sees."""
    own = any(source.python is not None or any(check.pandera is not None for check in source.checks) for source in project.sources)
    return (
        not project.plugins.rules
        and not own
        and not any(model.steps or _builds(model) or _surrounded(model) or _carded(model) for model in project.models)
    )


def _carded(model: Model) -> bool:
    """Whether a file of people's words belongs to a model."""
    return model.governance is not None and model.governance.card is not None


def _surrounded(model: Model) -> bool:
    """Whether middleware of the user's own stands around a model's server."""
    from headrace.spec.serving import Serving

    return isinstance(model.serving, Serving) and bool(model.serving.middleware)


def _builds(model: Model) -> bool:
    """Whether a function of the user's own may build one of a model's estimators, be it the part of another."""

    def within(value: object) -> bool:
        match value:
            case dict():
                return "python" in value or any(map(within, value.values()))
            case list() | tuple():
                return any(map(within, value))
        return False

    return within(model.training.model_dump())


def _again(
    root: Path, environment: str | None, files: Mapping[str, bytes], old: Mapping[str, Any], differ: list[str]
) -> tuple[list[dict[str, Any]], dict[str, Any]] | None:
    """The answer after some files of models changed, and what they hold; None where all has to be judged.

    They are judged in a folder without the other models. What was clean there before is clean still, as long as the same models stand
    in the same files, and none of them has to do with another.
    """
    entries = old["files"]
    others = {name: entry for name, entry in entries.items() if name not in differ}
    if not all(_models(entries[name]) for name in differ) or any(entry["related"] for entry in entries.values()):
        return None
    away = {name for name, entry in others.items() if _models(entry)}
    kept = [d for d in old["found"] if _file(d) in away]
    if any(name in json.dumps(kept, ensure_ascii=False) for name in differ):
        return None  # a place in what changed is told elsewhere
    seen, projects, pure = _judged(root, environment, {**files, **dict.fromkeys(away)})
    if not pure or not seen.report.ok or not projects:
        return None
    fresh = _entries({name: content for name, content in files.items() if name not in away}, projects)
    taken = {tuple(claim) for name in away for claim in entries[name]["claims"]}
    for name in differ:
        entry = fresh[name]
        if entry["documents"] != entries[name]["documents"] or entry["related"] or taken & {tuple(claim) for claim in entry["claims"]}:
            return None
    found = [_plain(d) for d in seen.report.found]
    if [d for d in found if _file(d) not in differ] != [d for d in old["found"] if _file(d) not in away and _file(d) not in differ]:
        return None
    return [*found, *kept], {name: fresh[name] for name in differ}


def _models(entry: Mapping[str, Any]) -> bool:
    """Whether a file holds models alone."""
    return bool(entry["documents"]) and all(kind == "model" for kind, _ in entry["documents"])


def _entries(files: Mapping[str, bytes], projects: tuple[Project, ...]) -> dict[str, Any]:
    """What each file holds: its digest, its documents, what its models claim, and whether one has to do with another model."""
    found: dict[str, Any] = {
        name: {"digest": _digest(content), "documents": [], "claims": [], "related": False} for name, content in files.items()
    }
    for project in projects:
        for address, node in project.scope.nodes.items():
            entry = found[node.span.file]
            if [*address] not in entry["documents"]:
                entry["documents"].append([*address])
            entry["claims"] += _claims(project, address)
            entry["related"] = entry["related"] or _related(project, address)
    return found


def _claims(project: Project, address: Address) -> list[list[object]]:
    """What no two models of an environment may both have; the names are compared with the documents."""
    from headrace.spec import Model
    from headrace.spec.serving import Serving

    model = project.scope.get(Model, address)
    if model is None or not isinstance(model.serving, Serving):
        return []
    return [[project.environment.name, model.serving.port]]


def _related(project: Project, address: Address) -> bool:
    """Whether a document names a model, or shares the units of a layer with one."""
    from headrace.project.rules.references import references
    from headrace.spec import Model

    spec = project.scope.specs.get(address)
    if spec is None:
        return False
    layered = isinstance(spec, Model) and spec.experiment is not None and spec.experiment.layer is not None
    return layered or any(wanted.kind in {"model", "ensemble"} for wanted in references(spec))


def _told(found: list[dict[str, Any]], documents: int, files: Mapping[str, bytes], judged: int) -> Look:
    diagnostics = [_diagnostic(item) for item in found]
    told = {d.span.file for d in diagnostics if d.span is not None}
    texts = {name: files[name].decode("utf-8").removeprefix("\ufeff") for name in told if name in files}
    return Look(Report(diagnostics, texts), documents, judged)


def _plain(found: Diagnostic) -> dict[str, Any]:
    return {
        "id": found.id,
        "message": found.message,
        "span": found.span,
        "caret": found.caret,
        "help": found.help,
        "severity": found.severity.value,
        "replacement": found.replacement,
        "related": [*found.related],
        "certain": found.certain,
        "edits": [[edit.span, edit.text] for edit in found.edits],
    }


def _diagnostic(item: Mapping[str, Any]) -> Diagnostic:
    given = {
        **item,
        "span": Span(*item["span"]) if item["span"] is not None else None,
        "severity": Severity(item["severity"]),
        "related": tuple(Span(*span) for span in item["related"]),
        "edits": tuple(Edit(Span(*span), text) for span, text in item["edits"]),
    }
    return Diagnostic(**given)


def _file(item: Mapping[str, Any]) -> str | None:
    return item["span"][0] if item["span"] is not None else None


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def _contents(root: Path) -> dict[str, bytes] | None:
    """The files of `specs/`; None where one cannot be read, or where something else stands there, which is told."""
    found = {}
    try:
        with os.scandir(root / "specs") as folder:
            for entry in folder:
                if entry.name.startswith("."):
                    continue
                if not entry.name.endswith((".yaml", ".yml")) or not entry.is_file():
                    return None
                with open(entry.path, "rb", buffering=0) as file:  # noqa: PTH123 - a thousand of them
                    found[f"specs/{entry.name}"] = file.readall()
    except OSError:
        return None
    return dict(sorted(found.items()))


def _names(root: Path) -> set[str]:
    """What stands in `specs/`, as the files of a look are called."""
    return {f"specs/{name}" for name in os.listdir(root / "specs") if not name.startswith(".")}  # noqa: PTH208


def _circumstances(root: Path, environment: str | None) -> dict[str, Any] | None:
    """All but files and loaded modules that a look may depend on; None where it cannot be told."""
    from headrace import __version__

    try:
        own = {path.name: _digest(path.read_bytes()) for path in sorted((root / "plugins").glob("*.py"))}
    except OSError:
        return None
    return {
        "headrace": __version__,
        "python": sys.version,
        "root": [str(root), str(root.resolve()), str(Path.cwd())],
        "environment": environment,
        "plugins": os.environ.get("HEADRACE_PLUGINS"),
        "path": [[place, _importable(place)] for place in sys.path],
        "own": own,
    }


def _importable(place: str) -> str:
    """What could be imported from a place, and when what is installed there was written."""
    lines = []
    with suppress(OSError), os.scandir(place or ".") as folder:
        for entry in folder:
            if entry.name.endswith((".dist-info", ".egg-info")):
                lines.append(f"{entry.name} {entry.stat().st_mtime_ns}")
            elif entry.name.endswith(_CODE) or (entry.name.isidentifier() and entry.name != "__pycache__" and entry.is_dir()):
                lines.append(entry.name)
    return _digest("\n".join(sorted(lines)).encode("utf-8", "surrogateescape"))


def _modules(known: Mapping[str, Any]) -> dict[str, Any]:
    """Every file of code that is loaded, with its size and when it was written, as Python itself tells whether it is another."""
    files = {getattr(module, "__file__", None) for module in [*sys.modules.values()]}
    return {**known, **{file: _stamp(file) for file in sorted(file for file in files if isinstance(file, str))}}


def _stamp(file: str) -> list[int] | None:
    try:
        found = os.stat(file)  # noqa: PTH116 - some hundred of them
    except OSError:
        return None
    return [found.st_size, found.st_mtime_ns]


def _place(root: Path, environment: str | None) -> Path:
    return root / ".headrace" / "cache" / f"validate-{_digest((environment or '').encode('utf-8', 'surrogateescape'))[:16]}.json"


def _read(place: Path, here: Mapping[str, Any]) -> dict[str, Any] | None:
    """What is remembered; None where there is nothing, it was torn or altered, or anything that it depends on is another now."""
    try:
        head, _, body = place.read_bytes().partition(b"\n")
        if head.decode("ascii") != f"{FORMAT} {_digest(body)}":
            return None
        old: dict[str, Any] = json.loads(body)
    except (OSError, ValueError):
        return None
    if old["circumstances"] != here or any(_stamp(file) != stamp for file, stamp in old["modules"].items()):
        return None
    return old


def _write(place: Path, noted: Mapping[str, Any]) -> None:
    """Remember an answer, at one stroke; where nothing can be written, nothing is remembered."""
    if any(stamp is not None and stamp[1] > _BEGAN - _FRESH for stamp in noted["modules"].values()):
        return
    body = json.dumps(noted, ensure_ascii=True).encode("ascii")
    draft = None
    try:
        place.parent.mkdir(parents=True, exist_ok=True)
        ignored = place.parent / ".gitignore"
        if not ignored.exists():
            ignored.write_text("*\n", encoding="ascii")
        number, draft = tempfile.mkstemp(prefix=".validate-", dir=place.parent)
        with os.fdopen(number, "wb") as out:
            out.write(f"{FORMAT} {_digest(body)}\n".encode("ascii") + body)
        Path(draft).replace(place)
    except OSError:
        if draft is not None:
            with suppress(OSError):
                Path(draft).unlink()
