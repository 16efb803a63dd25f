"""A version made again from what it was made of, in a place that is thrown away, and whether it is the same, byte for byte."""

from __future__ import annotations

import io
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any, Literal

from headrace import registry
from headrace.diagnostics import HeadraceError
from headrace.digest import digest
from headrace.hooks import Plugins
from headrace.hooks.composed import everything, modules
from headrace.hooks.release import releases
from headrace.registry import Version
from headrace.store import Store
from headrace.training import lineage
from headrace.training.apart import Calibrate, EarlyStopping
from headrace.training.folds import described
from headrace.training.train import PREDICTION, train
from headrace.transforms import Transformation, pack, unpack

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

_PARAMETERS = b"\nparameters:"
"""Where LightGBM's text stops being trees: what follows names settings, such as the number of threads."""


@dataclass(frozen=True, slots=True)
class Moved:
    """One input that is not what was recorded, and how it differs, as far as that was kept."""

    input: str
    recorded: str
    now: str
    details: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Proof:
    """What came of it: `same` where model and predictions are; `why` where they differ, or where it could not be made."""

    outcome: Literal["same", "differs", "cannot"]
    moved: tuple[Moved, ...]
    why: str = ""
    model: str = ""
    """The digest of what was compared of the model."""
    rows: int = 0
    """How many held-out rows both answered."""


@dataclass(frozen=True, slots=True)
class _Recorded:
    """The rows of a version, as its manifest and its held-out rows tell of them."""

    model: str
    run_id: str
    digest: str
    train: int
    holdout: int
    new: int
    as_of: str
    entity: str
    time: str
    target: str
    inputs: list[dict[str, Any]]
    spec: str
    sources: dict[str, str]
    group: str | None = None


def reproduce(store: Store, plugins: Plugins, version: Version) -> Proof:
    """Train a version again from its rows, params, seed and transforms, and compare; nothing is registered.

    The model is compared byte for byte, LightGBM's text up to its parameters, and so are the predictions for the held-out rows.
    """
    moved = tuple(_moved(store, plugins, version))
    manifest = version.manifest
    try:
        rows, old, kept = (store.blobs.get(name) for name in (manifest["digests"]["data"], version.model_digest, manifest["reference"]))
        told = digest(_compared(version.format, old))
    except HeadraceError as error:
        return Proof("cannot", moved, _said(error))
    except ValueError as error:
        return Proof("cannot", moved, f"model-unreadable: {error}")
    before = _predictions(kept)
    with (
        TemporaryDirectory(prefix="headrace-reproduce-") as folder,
        Store.open("sqlite:///state.db", "blobs", root=Path(folder)) as scratch,
    ):
        scratch.blobs.put(rows)
        try:
            again = train(
                scratch,
                plugins,
                _rows(version, kept),
                actor="reproduce",
                algorithm=version.algorithm,
                params=manifest["params"],
                seed=manifest["seed"],
                transforms=[_transform(step) for step in manifest.get("transforms", ())],
                early_stopping=EarlyStopping(**manifest["early_stopping"]["asked"]) if "early_stopping" in manifest else None,
                calibrate=Calibrate(**manifest["calibration"]["asked"]) if "calibration" in manifest else None,
                folds=described(manifest["folds"]) if "folds" in manifest else None,
            )
        except HeadraceError as error:
            return Proof("cannot", moved, _said(error))
        with scratch.read() as session:
            made = registry.get(session, again.model, again.number)
        new, after = scratch.blobs.get(made.model_digest), _predictions(scratch.blobs.get(made.manifest["reference"]))
    if made.manifest["signature"] != manifest["signature"]:
        moved += (Moved("signature", digest(repr(manifest["signature"]).encode()), digest(repr(made.manifest["signature"]).encode())),)
    differ = [*_differ(version.format, old, new), *_disagree(before, after)]
    return Proof("differs" if differ else "same", moved, "; ".join(differ), told, len(before))


def _rows(version: Version, reference: bytes) -> _Recorded:
    import pyarrow.parquet

    manifest = version.manifest
    entity, time, *_ = pyarrow.parquet.read_schema(io.BytesIO(reference)).names
    return _Recorded(
        model=version.model,
        run_id=version.run_id,
        digest=manifest["digests"]["data"],
        **manifest["rows"],
        as_of=manifest["as_of"],
        entity=entity,
        time=time,
        target=manifest["target"],
        inputs=manifest["signature"],
        spec=manifest["digests"]["spec"],
        sources=manifest.get("sources", {}),
        group=manifest.get("group"),
    )


def _transform(step: Mapping[str, Any]) -> Transformation:
    return Transformation(**{**step, "columns": None if step["columns"] is None else tuple(step["columns"])})


def _moved(store: Store, plugins: Plugins, version: Version) -> Iterator[Moved]:
    """What is no longer as it was recorded, whether or not it changes the model."""
    manifest, digests = version.manifest, version.manifest["digests"]
    texts = {"code": lineage.code(modules(plugins, version.algorithm, manifest["params"])), "environment": lineage.environment()}
    for name, text in texts.items():
        if digest(text) != digests[name]:
            yield Moved(
                name, digests[name], digest(text), tuple(_lines(store, digests[name], text, "==" if name == "environment" else "\0"))
            )
    for name, now in lineage.machine().items():
        if (recorded := manifest.get("machine", {}).get(name, now)) != now:
            yield Moved(name, recorded, now)
    parts = everything(plugins, version.algorithm, manifest["params"])
    used = [
        *(("algorithm", part.algorithm) for part in parts),
        *(("transform", step["transform"]) for step in manifest.get("transforms", ())),
    ]
    for name, now in releases(plugins, used).items():
        if (recorded := manifest.get("plugins", {}).get(name)) != now:
            yield Moved(f"plugin {name}", recorded or "none", now)


def _lines(store: Store, recorded: str, now: bytes, between: str) -> Iterator[str]:
    """Which files or packages differ, where the list was kept with the version."""
    try:
        before = _named(store.blobs.get(recorded), between)
    except HeadraceError:
        yield "the list was not kept, or was lost: only its digest is known"
        return
    after = _named(now, between)
    for name in sorted(before.keys() | after.keys()):
        if before.get(name) != after.get(name):
            was, is_ = before.get(name, "none"), after.get(name, "none")
            yield (
                f"{name} {was} → {is_}"
                if between == "=="
                else f"{name} {'is new' if was == 'none' else 'is gone' if is_ == 'none' else 'differs'}"
            )


def _named(text: bytes, between: str) -> dict[str, str]:
    return {name: rest for name, _, rest in (line.partition(between) for line in text.decode().splitlines())}


def _compared(format_: str, data: bytes) -> bytes:
    """What of a model must be the same: of LightGBM's text all before its last parameters section, of anything else every byte."""
    model = unpack(data)
    head, found, _ = model.data.rpartition(_PARAMETERS)
    return pack(replace(model, data=head)) if found and format_.endswith("lightgbm-text") else data


def _differ(format_: str, old: bytes, new: bytes) -> Iterator[str]:
    before, after = _compared(format_, old), _compared(format_, new)
    if before != after:
        first = next((i for i, (a, b) in enumerate(zip(before, after, strict=False)) if a != b), min(len(before), len(after)))
        yield f"the model is another: {digest(before)} → {digest(after)}, from byte {first:,} on"


def _predictions(reference: bytes) -> NDArray[np.float64]:
    """What was answered, a row a held-out row: each number of an answer of several, whose short form may be a label."""
    import pyarrow.parquet as pq

    names = pq.read_schema(io.BytesIO(reference)).names
    columns = [name for name in names if name.startswith(f"{PREDICTION}.")] or [PREDICTION]
    answered: NDArray[np.float64] = pq.read_table(io.BytesIO(reference), columns=columns).to_pandas()[columns].to_numpy(dtype="float64")
    return answered


def _disagree(before: NDArray[np.float64], after: NDArray[np.float64]) -> Iterator[str]:
    import numpy as np

    if before.shape != after.shape:
        yield f"{len(before):,} held-out rows became {len(after):,}"
    elif before.tobytes() != after.tobytes():
        apart = before.view("int64") != after.view("int64")
        most = float(np.max(np.abs(before[apart] - after[apart])))
        yield f"{int(apart.sum()):,} of {len(before):,} predictions are others, by {most:.3g} at most"


def _said(error: HeadraceError) -> str:
    return "; ".join(f"{fault.id}: {fault.message}" for fault in error.report)
