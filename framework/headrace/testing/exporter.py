"""What an exporter promises: files in the folder that it is given, the same bytes for the same version, whatever the version holds."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import rfc8785

from headrace.hooks import Export, Exporter, Input, Signature
from headrace.spec.params import read_params
from headrace.testing.fault import Broken, Checks, Unmet, function, params_are_closed, params_model, settings, tried
from headrace.testing.variants import variants

Write = Callable[[Export, Path], object]


def check_exporter(exporter: Exporter, params: Mapping[str, Any] | None = None, version: Export | None = None) -> list[Broken]:
    """What is wrong with an exporter; `params` where its defaults are not all there, `version` to try it on one of yours too."""
    return tried(exporter, lambda found: _checked(exporter, params, version, found))


def _checked(exporter: Exporter, params: Mapping[str, Any] | None, version: Export | None, checks: Checks) -> None:
    checks.run("params", lambda: params_are_closed(exporter))
    write = function(exporter, "export")
    given = read_params(params_model(exporter), settings(exporter, params))
    asked = {
        "a version": a_version(),
        "a version that nobody serves": replace(a_version(), serving=None),
        "a version with a metric that is not defined (`null` in the manifest)": _with_manifest(_undefined()),
        "a version without metrics": _with_manifest(_manifest() | {"metrics": {}}),
    }
    if version is not None:
        asked["the given version"] = version

    def written(one: Export, folder: Path) -> object:
        return write(one, given, folder)

    checks.run("description", lambda: iter(() if exporter.description.strip() else ("it does not say what it writes",)))
    for on, one in asked.items():
        checks.run("files", lambda one=one, on=on: _files(written, one, on))  # type: ignore[misc]
    for said, other in variants(params_model(exporter), settings(exporter, params)):
        if said:
            written_so = lambda one, folder, other=other: write(one, other, folder)  # noqa: E731 - as `written`, of other parameters
            checks.run("files", lambda on=f"a version{said}", so=written_so: _files(so, a_version(), on))  # type: ignore[misc]
    checks.run("deterministic", lambda: _deterministic(written))


def _manifest() -> dict[str, Any]:
    return {"metrics": {"roc_auc": 0.91, "log_loss": 0.3}, "target": "left"}


def _undefined() -> dict[str, Any]:
    """As it is registered where a metric has no value, such as for rows that are all of one class."""
    return _manifest() | {"metrics": {"roc_auc": None, "log_loss": 0.3}}


def _with_manifest(manifest: Mapping[str, Any]) -> Export:
    data = rfc8785.dumps(dict(manifest))
    return replace(a_version(), manifest=data, manifest_digest=f"sha256:{sha256(data).hexdigest()}")


def a_version() -> Export:
    """A version to try an exporter with: with a category, a bound, letters beyond ASCII and a serving config."""
    data, manifest = b"tree\nversion=v4\n", rfc8785.dumps(_manifest())
    return Export(
        model="churn",
        number=7,
        algorithm="lightgbm.classifier",
        format="lightgbm-text",
        data=data,
        data_digest=f"sha256:{sha256(data).hexdigest()}",
        manifest=manifest,
        manifest_digest=f"sha256:{sha256(manifest).hexdigest()}",
        signature=Signature((Input("age", "number", low=0.0, high=120.0), Input("region", "category", ("Zürich", "north | south")))),
        created_at=datetime(2026, 5, 17, 12, 30, tzinfo=UTC),
        serving={"port": 8100, "entity": "customer_id"},
    )


def _written(write: Write, version: Export, on: str) -> dict[str, bytes]:
    with TemporaryDirectory() as place:
        folder = Path(place) / "folder"
        folder.mkdir()
        write(version, folder)
        if beside := sorted(path.name for path in Path(place).iterdir() if path != folder):
            raise Unmet(f"on {on} it writes beside its folder: {', '.join(beside)}")
        if links := sorted(path.name for path in folder.rglob("*") if path.is_symlink()):
            raise Unmet(f"on {on} it leaves links, which lead nowhere once the folder has moved: {', '.join(links)}")
        return {path.relative_to(folder).as_posix(): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


def _files(write: Write, version: Export, on: str) -> Iterator[str]:
    try:
        if not _written(write, version, on):
            yield f"on {on} it writes no file"
    except Unmet:
        raise
    except (Exception, SystemExit) as error:  # noqa: BLE001 - a plugin may raise anything
        yield f"on {on} it raised {type(error).__name__}: {error}; `headrace explain Export` has what a version is"


def _deterministic(write: Write) -> Iterator[str]:
    one, other = (_written(write, a_version(), "a version") for _ in range(2))
    if differ := sorted(name for name in {*one, *other} if one.get(name) != other.get(name)):
        yield f"the same version gave other bytes of {', '.join(differ)}: leave the time of writing out"
