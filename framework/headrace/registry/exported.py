"""How a version leaves: held against what was registered, then written by an exporter into a folder that is whole or not there."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from tempfile import mkdtemp
from typing import Any

from pydantic import BaseModel, ValidationError

from headrace.diagnostics import Diagnostic, Exit, HeadraceError
from headrace.hooks import Export, Exporter, Server, Signature, resolve
from headrace.registry.card import cards
from headrace.registry.version import Version, digest_of
from headrace.spec.params import read_params
from headrace.store import Store
from headrace.store.naming import refuse_names


@dataclass(frozen=True, slots=True)
class Written:
    """What was exported: the files by their path in the folder, with their bytes' count."""

    folder: Path
    files: Mapping[str, int]


def verified(store: Store, version: Version, serving: Mapping[str, Any] | None = None) -> Export:
    """A version as a value, manifest and model verified; HeadraceError `artifact-altered`, `artifact-missing`, `card-altered` where not."""
    import rfc8785

    if digest_of(version.manifest) != version.manifest_digest or version.manifest["digests"]["model"] != version.model_digest:
        message = f"the manifest of {version} is not the one that was registered: it is not exported"
        raise HeadraceError(Diagnostic("artifact-altered", message), Exit.REFUSED)
    with store.read() as session:
        card = cards(session, version.model).get(version.number)
    if card is not None:
        _ = card.card  # one that was altered is refused
    return Export(
        model=version.model,
        number=version.number,
        algorithm=version.algorithm,
        format=version.format,
        data=store.blobs.get(version.model_digest),
        data_digest=version.model_digest,
        manifest=rfc8785.dumps(version.manifest),
        manifest_digest=version.manifest_digest,
        signature=Signature.from_json(version.manifest.get("signature", ())),
        created_at=version.created_at,
        serving=serving,
        card=None if card is None else card.content,
        card_digest=None if card is None else card.digest,
        card_status=None if card is None else card.status.value,
        requirements=_installed(store, version),
    )


def _installed(store: Store, version: Version) -> tuple[str, ...]:
    """The packages of the environment that it was made in; nothing where that is not kept."""
    kept = str(version.manifest["digests"].get("environment", ""))
    return tuple(store.blobs.get(kept).decode().split("\n")) if store.blobs.exists(kept) else ()


def export(version: Export | Server, exporter: Exporter, params: Mapping[str, Any], folder: Path) -> Written:
    """Write a version, or how its model is served, into a folder that is not there yet, under its name only once all of it is written.

    HeadraceError: `bad-params`; `export-exists` where something stands there already; `export-failed` where the exporter raises, writes
    nothing or a link, or the disk does not take it; `unsafe-name` where a file has a name that is none elsewhere. Nothing is left then.
    """
    settings = _settings(exporter, params)
    if folder.exists() or folder.is_symlink():
        raise HeadraceError(
            Diagnostic("export-exists", f"{folder} stands there already", help="choose another `--out`, or move it away"), Exit.REFUSED
        )
    folder.parent.mkdir(parents=True, exist_ok=True)
    made = Path(mkdtemp(prefix=f".{folder.name}.", dir=folder.parent))
    try:
        files = _written(version, exporter, settings, made)
        made.chmod(0o755)
        made.rename(folder)
    except OSError as error:
        raise _failed(exporter, f"{folder} cannot be written: {error.strerror or error}") from error
    finally:
        shutil.rmtree(made, ignore_errors=True)
    return Written(folder, files)


def _settings(exporter: Exporter, params: Mapping[str, Any]) -> BaseModel:
    try:
        model: type[BaseModel] = resolve(exporter.params)
        return read_params(model, params)
    except ValidationError as error:
        faults = "; ".join(f"`{'.'.join(map(str, item['loc']))}`: {item['msg']}" for item in error.errors())
        known = ", ".join(model.model_fields) or "none"
        raise HeadraceError(
            Diagnostic("bad-params", f"parameters of `{exporter.name}`: {faults}", help=f"its parameters are: {known}"), Exit.USAGE
        ) from error
    except (Exception, SystemExit) as error:
        raise _failed(exporter, f"its parameters cannot be read: {type(error).__name__}: {error}") from error


def _written(version: Export | Server, exporter: Exporter, settings: BaseModel, folder: Path) -> dict[str, int]:
    try:
        resolve(exporter.export)(version, settings, folder)
    except OSError as error:
        raise _failed(exporter, f"{error.strerror or error}" + (f": {Path(error.filename).name}" if error.filename else "")) from error
    except (Exception, SystemExit) as error:
        raise _failed(exporter, f"{type(error).__name__}: {error}") from error
    _refuse_odd(exporter, folder)
    files = {path.relative_to(folder).as_posix(): path.stat().st_size for path in sorted(folder.rglob("*")) if path.is_file()}
    if not files:
        raise _failed(exporter, "it wrote no file")
    return files


def _refuse_odd(exporter: Exporter, folder: Path) -> None:
    """Whatever is no plain file or folder under a plain name may show what lies elsewhere, or nothing, on another machine."""
    written = sorted(folder.rglob("*"))
    odd = next((path for path in written if path.is_symlink() or not (path.is_file() or path.is_dir())), None)
    if odd is not None:
        raise _failed(exporter, f"`{odd.relative_to(folder).as_posix()}` is a link or no file")
    refuse_names((path.relative_to(folder).as_posix() for path in written if path.is_file()), f"what `{exporter.name}` wrote")


def _failed(exporter: Exporter, why: str) -> HeadraceError:
    return HeadraceError(Diagnostic("export-failed", f"`{exporter.name}` failed, and nothing is left: {why}"), Exit.FAILED)
