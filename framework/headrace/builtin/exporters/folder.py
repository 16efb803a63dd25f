"""The version as it was registered: the model's file, its manifest and signature, and digests that `sha256sum -c` accepts."""

from __future__ import annotations

from hashlib import sha256
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field

from headrace.hooks import Export, Exporter

_SUFFIXES = {"lightgbm-text": ".txt", "json": ".json", "xgboost-json": ".json", "skops": ".skops"}
"""What a file of a known format ends with, so that what opens it knows it."""


class Params(BaseModel):
    """The parameters of `folder`."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    serving: bool = Field(default=True, description="Whether the serving config is written too, where there is one.")


def export(version: Export, params: Params, folder: Path) -> None:
    """Write `model.*`, `manifest.json`, `signature.json`, `version.json`, `serving.json` and `SHA256SUMS`."""
    import orjson

    def plain(value: object) -> bytes:
        return orjson.dumps(value, option=orjson.OPT_INDENT_2 | orjson.OPT_SORT_KEYS) + b"\n"

    about = {
        "model": version.model,
        "version": version.number,
        "algorithm": version.algorithm,
        "format": version.format,
        "created_at": version.created_at.isoformat(),
        "model_digest": version.data_digest,
        "manifest_digest": version.manifest_digest,
    }
    files = {
        f"model{_SUFFIXES.get(version.format, '.bin')}": version.data,
        # Byte for byte: the registration's digest is of these.
        "manifest.json": version.manifest,
        "signature.json": plain(version.signature.to_json()),
        "version.json": plain(about),
    }
    if params.serving and version.serving is not None:
        files["serving.json"] = plain(dict(version.serving))
    sums = "".join(f"{sha256(data).hexdigest()}  {name}\n" for name, data in sorted(files.items()))
    for name, data in files.items():
        (folder / name).write_bytes(data)
    (folder / "SHA256SUMS").write_text(sums, encoding="ascii", newline="\n")


EXPORTER = Exporter(
    name="folder",
    export=f"{__name__}:export",
    params=f"{__name__}:Params",
    description="The model's file, manifest, signature and serving config, with digests for `sha256sum -c`.",
)
