"""Files that fsspec reaches: brought to this machine once a version of them, under `.headrace/fetched`, and read there."""

from __future__ import annotations

import hashlib
import json
import os
import tempfile
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from headrace.afar import DRIVERS, S3, file_system
from headrace.diagnostics import Diagnostic, Exit, HeadraceError
from headrace.features.source.place import WILD, Files, Remote, keys

KEPT = ".headrace/fetched"
"""Where what was fetched stands, under the project's folder."""
_SAYS_VERSION = ("ETag", "etag", "LastModified", "Last-Modified", "mtime", "created", "md5Hash", "generation", "Content-MD5")
"""What a file system may say of a file that another version of it has otherwise."""
_HTTP = ("http", "https")
_GONE = 404
_YOUNG = 120
"""Seconds within which a file of a system that tells whole seconds may be written again and look the same."""
_CONNECT, _SILENT = 30, 120
"""Seconds that a server may take to answer, and to go on."""


def fetch(root: Path, name: str, remote: Remote) -> Files:
    """The files of a URL, or of all that fit a pattern, as they are on this machine now.

    What has not changed, by what the file system says of it, is not brought again; of what says nothing, nobody can know, so it is.
    HeadraceError `source-driver`, `source-not-found`, `source-unreachable`.
    """
    system, path = _system(name, remote)
    several = bool(WILD & set(urlsplit(remote.url)._replace(query="").geturl()))
    try:
        found = sorted(system.glob(path)) if several else [path]
        found = [one for one in found if not one.rpartition("/")[2].startswith(("_", "."))]
        local = tuple(_one(root, system, one, remote) for one in found)
    except Exception as error:  # noqa: BLE001 - whatever its driver raises
        raise _trouble(name, remote, error) from None
    if not local:
        raise HeadraceError(Diagnostic("source-not-found", f"source/{name}: no file fits {remote.told}", help="correct the `uri`"))
    if not several:
        return Files(local, (remote.told,))
    return Files(local, tuple(one.rpartition("/")[2] for one in found), tuple(keys(Path(one)) for one in found))


def _system(name: str, remote: Remote) -> tuple[Any, str]:
    import fsspec

    options: dict[str, Any] = {"use_listings_cache": False, "skip_instance_cache": True}
    try:
        if remote.scheme in _HTTP:
            import aiohttp

            options["client_kwargs"] = {"timeout": aiohttp.ClientTimeout(total=None, sock_connect=_CONNECT, sock_read=_SILENT)}
        known = fsspec.get_filesystem_class(remote.scheme) if remote.scheme not in S3 else None
        system = file_system(remote.url, options if known is None or known.cachable else None)
    except ImportError as error:
        driver = DRIVERS.get(remote.scheme, str(error.name or remote.scheme))
        message = f"source/{name}: what reads `{remote.scheme}://` is not installed"
        raise HeadraceError(Diagnostic("source-driver", message, help=f"type `pip install {driver}`")) from None
    except ValueError:
        message = f"source/{name}: `{remote.scheme}://` is not read"
        help_ = "write a path, `file://…`, `package://PACKAGE/PATH`, a URL that fsspec knows, or a database with its `table`"
        raise HeadraceError(Diagnostic("source-not-found", message, help=help_), Exit.INVALID) from None
    except Exception as error:  # noqa: BLE001 - whatever its driver raises
        raise _trouble(name, remote, error) from None
    return system


def _one(root: Path, system: Any, path: str, remote: Remote) -> Path:  # noqa: ANN401 - fsspec's
    """One file, brought to its place at once or not at all."""
    version = _version(system.info(path))
    ending = Path(urlsplit(path).path).suffix or Path(urlsplit(remote.url).path).suffix
    place = root / KEPT / hashlib.sha256(f"{remote.scheme}\0{path}".encode()).hexdigest()[:24]
    target = place / f"{version or 'unknown'}{ending}"
    if version is not None and target.is_file():
        return target
    place.mkdir(parents=True, exist_ok=True)
    handle, beside = tempfile.mkstemp(dir=place, prefix=".part-")
    os.close(handle)
    try:
        system.get_file(path, beside)
        Path(beside).replace(target)
    finally:
        Path(beside).unlink(missing_ok=True)
    for older in place.iterdir():  # whoever reads one has it open
        if older != target and not older.name.startswith("."):
            older.unlink(missing_ok=True)
    return target


def _version(info: dict[str, Any]) -> str | None:
    """What tells one version of a file from another; None where the file system does not say."""
    said = {key: str(info[key]) for key in _SAYS_VERSION if info.get(key)}
    written = info.get("mtime")
    if isinstance(written, datetime) and not {"ETag", "etag"} & said.keys() and abs(datetime.now(UTC) - written).total_seconds() < _YOUNG:
        return None
    return hashlib.sha256(json.dumps([said, info.get("size")], sort_keys=True).encode()).hexdigest()[:24] if said else None


def _trouble(name: str, remote: Remote, error: Exception) -> HeadraceError:
    """Why it was not brought: without the text of the driver, in which the URL may stand with what is secret in it."""
    while error.__cause__ is not None and isinstance(error.__cause__, Exception):  # a server that is away is "no such file" to fsspec
        error = error.__cause__
    status = getattr(error, "status", None)
    if isinstance(error, FileNotFoundError) or status == _GONE:
        return HeadraceError(Diagnostic("source-not-found", f"source/{name}: {remote.told} does not exist", help="correct the `uri`"))
    said = f"the server answers {status}" if status is not None else type(error).__name__
    number = getattr(error, "errno", None) or getattr(getattr(error, "os_error", None), "errno", None)
    if status is None and number is not None:
        said = f"{said}: {os.strerror(abs(number))}"
    help_ = f"see that it can be reached; then type `headrace check source/{name}`"
    return HeadraceError(Diagnostic("source-unreachable", f"source/{name}: {remote.told} cannot be reached: {said}", help=help_))
