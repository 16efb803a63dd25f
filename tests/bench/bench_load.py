"""How long a model of 100 MB takes to be loaded with its manifest and its bytes verified; the target is one second.

python tests/bench/bench_load.py
"""

import os
import time
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory

from headrace import registry
from headrace.hooks import Algorithm, Plugins
from headrace.store import Store, digest

SIZE, TARGET, TIMES = 100_000_000, 1.0, 5


class Bytes:
    """A model that is its bytes."""

    def __init__(self, data):
        self.size = len(data)

    def predict(self, matrix):
        return matrix[:, 0] * 0 + self.size


def load(data, *, signature):
    return Bytes(data)


def main() -> None:
    plugins = Plugins({"own": Algorithm("own", "binary", "", "", "", f"{__name__}:load", "x")}, {}, {}, {}, {})
    with TemporaryDirectory() as folder:
        store = Store.open("sqlite:///state.db", "blobs", root=Path(folder))
        digests = {part: digest(part.encode()) for part in ("data", "spec", "code", "environment")}
        version = registry.register(
            store,
            actor="bench",
            model="large",
            run_id="r",
            manifest={"digests": digests, "signature": []},
            model_bytes=b"{" + os.urandom(SIZE - 1),
            algorithm="own",
            format="x",
            at=datetime.now(tz=UTC),
        )
        taken = []
        for _ in range(TIMES):
            began = time.perf_counter()
            registry.load(store, plugins, version)
            taken.append(time.perf_counter() - began)
        taken.sort()
        print(f"load and verify {SIZE / 1e6:.0f} MB: median {taken[TIMES // 2]:.3f} s, worst {taken[-1]:.3f} s (target {TARGET:.1f} s)")
        began = time.perf_counter()
        with store.blobs.private(version.model_digest):
            pass
        print(f"a private, verified file of it: {time.perf_counter() - began:.3f} s")
        store.close()
        assert taken[TIMES // 2] < TARGET


if __name__ == "__main__":
    main()
