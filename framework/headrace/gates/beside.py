"""What a plugin's gate may look at beside the answers to the held-out rows, each had only when a gate asks for it."""

from __future__ import annotations

import io
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from headrace.digest import digest
from headrace.gates import records
from headrace.gates.measured import measured
from headrace.gates.values import Judged
from headrace.hooks import Answers, Artifact, Measured, NoAnswer, Plugins, Records, Sample, Signature
from headrace.hooks.limit import within
from headrace.registry import Loaded, Version
from headrace.registry.version import digest_of
from headrace.stats import perturb
from headrace.store import Store

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd
    from numpy.typing import NDArray

SECONDS = 60.0
"""How long a candidate may take for one question of a gate's, wall time."""
NOISE = 0.1
"""Of each number's standard deviation over the held-out rows, for the metrics that need noise."""
DRAWS = 5
LARGEST = 8_000_000
"""Bytes of a project's file that a gate may read."""
_SIDE, _TRAIN = "side", "train"


@dataclass(frozen=True)
class Beside:
    """A candidate and where it is kept; `loaded` is None where it could not be loaded, and then it is asked nothing."""

    store: Store
    plugins: Plugins
    version: Version
    held: pd.DataFrame
    loaded: Loaded | None
    said: list[Judged] = field(default_factory=list)
    """What the gates before this one said, in their order."""

    @property
    def answers(self) -> Answers:
        """What the candidate answers."""
        return Answers.of(self.version.manifest)

    @property
    def signature(self) -> Signature:
        """Its inputs."""
        return Signature.from_json(self.version.manifest.get("signature", ()))

    def given(self, who: str) -> dict[str, Any]:
        """The fields of a HeldOut that a gate gets for one word of its `asks`; HeadraceError where they cannot be had."""
        had: dict[str, Callable[[], dict[str, Any]]] = {
            "candidate": lambda: {"ask": self.ask},
            "training": lambda: {"known": self._known(), "training": self.training()},
            "artifact": lambda: {"artifact": self.artifact()},
            "files": lambda: {"file": self.file},
            "process": lambda: {"measure": self.measure},
            "records": lambda: {"records": self.records()},
        }
        return had[who]()

    def ask(self, rows: pd.DataFrame | Sequence[Mapping[str, Any]]) -> NDArray[np.float64]:
        """The candidate's answers to other rows, as `HeldOut.ask` has it; NoAnswer."""
        import numpy as np

        loaded = self.loaded
        if loaded is None:
            raise NoAnswer("it could not be loaded")

        def answered() -> NDArray[np.float64]:
            if isinstance(rows, Sequence):
                matrix = loaded.signature.matrix([loaded.signature.encode_row(row)[0] for row in rows])
            else:
                matrix = loaded.signature.encode(rows)
            return np.asarray(loaded.predictor.predict(matrix), dtype=np.float64)

        try:
            given = within(SECONDS, answered)
        except Exception as error:
            raise NoAnswer(f"{type(error).__name__}: {error}") from error
        if why := self.answers.fault(given, len(rows)):
            raise NoAnswer(f"it {why}")
        return given

    def noisy(self, seed: int) -> NDArray[np.float64]:
        """Its answers to the held-out rows with noise of `NOISE` spreads in each number, `DRAWS` times one after another; NoAnswer."""
        import numpy as np

        names = [item.name for item in self.signature.inputs if item.type == "number"]
        values = self.held[names].to_numpy(dtype=np.float64, na_value=np.nan)
        rng = np.random.default_rng(seed)
        return np.concatenate(
            [self.ask(self.held.assign(**dict(zip(names, perturb.noisy(values, NOISE, rng).T, strict=True)))) for _ in range(DRAWS)]
        )

    def training(self) -> Sample:
        """The rows that the candidate was trained on; HeadraceError where they are not kept or were altered."""
        import pandas as pd

        kept = pd.read_parquet(io.BytesIO(self.store.blobs.get(self.version.manifest["digests"]["data"])))
        return self._sample(kept[kept[_SIDE] == _TRAIN].reset_index(drop=True))

    def _known(self) -> Sample:
        return self._sample(self.held)

    def _sample(self, frame: pd.DataFrame) -> Sample:
        """Rows as a gate has them; entity and time are the first two columns of the held-out rows, as training writes them."""
        import pandas as pd

        target = self.version.manifest["target"]
        names = [item.name for item in self.signature.inputs]
        entity, time = [name for name in self.held.columns if name not in names and name != target][:2]
        times = pd.to_datetime(frame[time], utc=True).dt.tz_localize(None).to_numpy(dtype="datetime64[us]")
        return Sample(frame[names].copy(), self.answers.target(frame[target]), frame[entity].astype(str).to_numpy(dtype=object), times)

    def artifact(self) -> Artifact:
        """The stored bytes as they are now, sound or not; HeadraceError where there are none."""
        version = self.version
        data = self.store.blobs.get(version.model_digest)
        return Artifact(
            algorithm=version.algorithm,
            format=version.format,
            data=data,
            recorded=str(version.manifest["digests"]["model"]),
            found=digest(data),
            manifest_recorded=version.manifest_digest,
            manifest_found=digest_of(version.manifest),
        )

    def file(self, path: str) -> tuple[bytes, str]:
        """A file of the project, kept among the blobs; ValueError for one that stands elsewhere, is none, or is larger than `LARGEST`."""
        root = self.store.root.resolve()
        found = (root / path).resolve()
        if not found.is_relative_to(root):
            raise ValueError(f"{path} is not in the project's folder")
        if not found.is_file():
            raise ValueError(f"there is no file {path} in the project")
        if found.stat().st_size > LARGEST:
            raise ValueError(f"{path} has {found.stat().st_size:,} bytes, and {LARGEST:,} are read")
        data = found.read_bytes()
        return data, self.store.blobs.put(data)

    def measure(self, warm_up: int, requests: int, batches: int, rows: int) -> Measured:
        """How it does in a process of its own; as `HeldOut.measure`."""
        return measured(self.store, self.plugins, self.version, self.held, (warm_up, requests, batches, rows))

    def records(self) -> Records:
        """What is recorded of it up to now."""
        grouping = {name for name, metric in self.plugins.metrics.items() if metric.needs == "groups"}
        return records.of(self.store, self.version, self.said, grouping)
