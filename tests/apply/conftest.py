"""One real Prefect server for all tests of apply; each test has a project of its own name, and so sees only what is its own."""

from __future__ import annotations

import itertools
import json
import re
import shutil
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from apply_memory import Memory
from apply_place import REFERENCE, Place, clear

from headrace.apply.prefect import OPEN, Door
from headrace.local.prefect_server import start_server, start_worker
from headrace.local.process import stop
from headrace.plan import wanted as wanted_
from headrace.store import Store
from headrace.testing.prefect import MemoryDoor

NUMBERS = itertools.count(1)


@pytest.fixture
def memory(tmp_path: Path) -> Iterator[Memory]:
    shutil.copytree(REFERENCE, tmp_path / "specs")
    store = Store.open("sqlite:///.headrace/state.db", ".headrace/blobs", root=tmp_path)
    yield Memory(tmp_path, MemoryDoor("labour"), store)  # type: ignore[arg-type]
    store.close()


@pytest.fixture(scope="session")
def prefect_root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("prefect")


@pytest.fixture(scope="session")
def prefect_url(prefect_root: Path) -> Iterator[str]:
    server = start_server(prefect_root)
    yield server.url
    assert stop(server.child)


@pytest.fixture
def worker(prefect_root: Path, prefect_url: str, first_pool: None) -> Iterator[None]:
    """A worker for one test: left running, it would really train what the others only start."""
    child = start_worker(prefect_root, prefect_url)
    yield
    assert stop(child)


@pytest.fixture(scope="session")
def first_pool(prefect_url: str) -> None:
    with Door(prefect_url, "any") as door:
        door.put_pool()


@pytest.fixture
def make_place(tmp_path: Path, prefect_url: str, first_pool: None) -> Iterator[Callable[[], Place]]:
    places = []

    def make() -> Place:
        name = f"labour{next(NUMBERS)}"
        root = tmp_path / name
        shutil.copytree(REFERENCE, root / "specs")
        path = root / "specs" / "headrace.yaml"
        path.write_text(re.sub(r"^name: labour", f"name: {name}", path.read_text(encoding="utf-8"), flags=re.MULTILINE), encoding="utf-8")
        places.append(Place(root, Door(prefect_url, name), Store.open("sqlite:///.headrace/state.db", ".headrace/blobs", root=root)))
        return places[-1]

    yield make
    for place in places:
        clear(place.door)
        place.door.close()
        place.store.close()


@pytest.fixture
def place(make_place: Callable[[], Place]) -> Place:
    return make_place()


FLOWS = """
import os
from datetime import datetime
from pathlib import Path
from prefect import flow


@flow(name="m-train")
def train(as_of: datetime | None = None, cause: str | None = None) -> None:
    with Path("ran.txt").open("a") as out:
        out.write(f"train {os.getcwd()} {os.environ.get('OMP_NUM_THREADS')} {cause}\\n")


@flow(name="m-roll-out")
def roll_out(cause: str | None = None) -> None:
    raise RuntimeError("broken on purpose")
"""


@pytest.fixture
def small(tmp_path, prefect_url, first_pool):
    """A hand-written project of one model with two flows and one automation."""
    name = f"small-{uuid.uuid4().hex[:8]}"
    asked = {
        "project": name,
        "model": "m",
        "deployments": [
            {"name": "m/train", "flow": "train", "entrypoint": "flows/m.py:train", "parameters": {}, "schedules": []},
            {
                "name": "m/roll_out",
                "flow": "roll_out",
                "entrypoint": "flows/m.py:roll_out",
                "parameters": {},
                "schedules": [{"slug": "look", "interval_seconds": 3600}, {"slug": "weekly", "cron": "0 3 * * 1"}],
            },
        ],
        "automations": [
            {
                "name": f"headrace:{name}:m:train",
                "event": "headrace.retraining.requested",
                "resource": f"headrace.{name}.m",
                "deployment": "m/train",
            }
        ],
    }
    (tmp_path / "flows").mkdir()
    (tmp_path / "flows" / "m.py").write_text(FLOWS)
    wanted = wanted_.read({"flows/m.deploy.json": json.dumps(asked), "flows/m.py": FLOWS}, str(tmp_path))
    with Door(prefect_url, name) as door:
        for deployment in wanted.deployments.values():
            door.put_deployment(deployment)
        for automation in wanted.automations.values():
            door.put_automation(automation)
        yield door, wanted, tmp_path
        for run in door.runs(*OPEN):
            door._call("DELETE", f"/flow_runs/{run.id}", missing_ok=True)
