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

from headrace.hooks import Export, Exporter, Input, Server, Signature
from headrace.spec.params import read_params
from headrace.testing.fault import Broken, Checks, Unmet, function, params_are_closed, params_model, settings, tried
from headrace.testing.variants import variants

Subject = Export | Server
Write = Callable[[Subject, Path], object]


def check_exporter(exporter: Exporter, params: Mapping[str, Any] | None = None, version: Subject | None = None) -> list[Broken]:
    """What is wrong with an exporter; `params` where its defaults are not all there, `version` to try it on one of yours too.

    One of a server is tried on a Server, and `version` is one.
    """
    return tried(exporter, lambda found: _checked(exporter, params, version, found))


def _checked(exporter: Exporter, params: Mapping[str, Any] | None, version: Subject | None, checks: Checks) -> None:
    checks.run("params", lambda: params_are_closed(exporter))
    write = function(exporter, "export")
    given = read_params(params_model(exporter), settings(exporter, params))
    usual, one_of = (a_server, "a server") if exporter.of == "server" else (a_version, "a version")
    asked = _servers() if exporter.of == "server" else _versions()
    if version is not None:
        asked[f"the given {exporter.of}"] = version

    def written(one: Subject, folder: Path) -> object:
        return write(one, given, folder)

    checks.run("description", lambda: iter(() if exporter.description.strip() else ("it does not say what it writes",)))
    for on, one in asked.items():
        checks.run("files", lambda one=one, on=on: _files(written, one, on))  # type: ignore[misc]
    for said, other in variants(params_model(exporter), settings(exporter, params)):
        if said:
            written_so = lambda one, folder, other=other: write(one, other, folder)  # noqa: E731 - as `written`, of other parameters
            checks.run("files", lambda on=f"{one_of}{said}", so=written_so: _files(so, usual(), on))  # type: ignore[misc]
    checks.run("deterministic", lambda: _deterministic(written, usual(), exporter.of))


def _versions() -> dict[str, Subject]:
    return {
        "a version": a_version(),
        "a version that nobody serves": replace(a_version(), serving=None),
        "a version with a metric that is not defined (`null` in the manifest)": _with_manifest(_undefined()),
        "a version without metrics": _with_manifest(_manifest() | {"metrics": {}}),
    }


def _servers() -> dict[str, Subject]:
    plain = a_server()
    several = {**plain.serving, "replicas": {"min": 2, "max": 4, "memory": 2**30}}
    return {"a server": plain, "a server of several processes": replace(plain, serving=several)}


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


def a_server() -> Server:
    """A server to try an exporter with: its store and blobs are elsewhere, it asks for keys, speaks TLS, and reads secrets."""
    access = {"auth": {"keys": True}, "tls": {"certificate": "file:tls/server.crt", "key": "file:tls/server.key"}}
    serving = {"project": "shop", "model": "churn", "port": 8100, "max_rows": 1000, "replicas": None, "access": access}
    workspace = {"project": "shop", "environment": "prod", "production": True, "store": "env:STORE_URL", "blobs": "s3://shop/blobs"}
    return Server(
        model="churn",
        serving=serving,
        workspace={**workspace, "online": "env:EVENTS_URL"},
        files={"flows/churn.serving.json": b"{}\n", "flows/headrace.json": b"{}\n", "plugins/own.py": b"LIMIT = 3\n"},
        requirements=("headrace==0.1.0", "numpy==2.4.6"),
        python="3.11",
    )


def _written(write: Write, version: Subject, on: str) -> dict[str, bytes]:
    with TemporaryDirectory() as place:
        folder = Path(place) / "folder"
        folder.mkdir()
        write(version, folder)
        if beside := sorted(path.name for path in Path(place).iterdir() if path != folder):
            raise Unmet(f"on {on} it writes beside its folder: {', '.join(beside)}")
        if links := sorted(path.name for path in folder.rglob("*") if path.is_symlink()):
            raise Unmet(f"on {on} it leaves links, which lead nowhere once the folder has moved: {', '.join(links)}")
        return {path.relative_to(folder).as_posix(): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


def _files(write: Write, version: Subject, on: str) -> Iterator[str]:
    try:
        if not _written(write, version, on):
            yield f"on {on} it writes no file"
    except Unmet:
        raise
    except (Exception, SystemExit) as error:  # noqa: BLE001 - a plugin may raise anything
        yield f"on {on} it raised {type(error).__name__}: {error}; `headrace explain {type(version).__name__}` has what it is given"


def _deterministic(write: Write, usual: Subject, of: str) -> Iterator[str]:
    one, other = (_written(write, usual, f"a {of}") for _ in range(2))
    if differ := sorted(name for name in {*one, *other} if one.get(name) != other.get(name)):
        yield f"the same {of} gave other bytes of {', '.join(differ)}: leave the time of writing out"
