"""Versions: their numbers, what they must say, and how they are found."""

import math
import multiprocessing

import pytest

from headrace import registry
from headrace.diagnostics import HeadraceError
from headrace.store import Store, events


def register_one(root, manifest, barrier, run_id):
    store = Store.open("sqlite:///state.db", "blobs", root=root)
    barrier.wait()
    version = registry.register(
        store, actor=run_id, model="churn", run_id=run_id, manifest=manifest, model_bytes=run_id.encode(), algorithm="a", format="x",
        at=store.clock.now(),
    )  # fmt: skip
    store.close()
    return version.number


def in_process(root, manifest, barrier, run_id, numbers):
    numbers.put(register_one(root, manifest, barrier, run_id))


def test_eight_processes_at_once_get_eight_numbers(store, manifest, tmp_path):
    context = multiprocessing.get_context("fork")
    barrier, numbers = context.Barrier(8), context.Queue()
    workers = [context.Process(target=in_process, args=(tmp_path, manifest, barrier, f"r{n}", numbers)) for n in range(8)]
    for worker in workers:
        worker.start()
    got = sorted(numbers.get(timeout=120) for _ in workers)
    for worker in workers:
        worker.join()
    assert list(range(1, 9)) == got


def test_a_version_is_what_was_registered(make, store):
    made = make()
    with store.read() as session:
        assert made == registry.get(session, "churn", 1)


def test_the_registry_adds_number_algorithm_and_the_models_digest(make, store):
    made = make(data=b"bytes")
    assert (1, "own", made.model_digest, b"bytes") == (
        made.manifest["number"], made.manifest["algorithm"], made.manifest["digests"]["model"], store.blobs.get(made.model_digest),
    )  # fmt: skip


def test_models_count_for_themselves(make):
    assert [1, 2, 1] == [make("churn").number, make("churn").number, make("fraud").number]


def test_a_registration_is_an_event(make, store):
    make(run_id="r9")
    with store.read() as session:
        (event,) = events.log(session, "churn", [events.EventKind.CANDIDATE_REGISTERED])
    assert ("candidate.registered", "test", 1, "r9", {"roc_auc": 0.9}) == (
        event.kind, event.actor, event.payload["number"], event.payload["run_id"], event.payload["metrics"],
    )  # fmt: skip


@pytest.mark.parametrize("digests", [{}, {"data": "sha256:1"}, {"data": None, "spec": "md5:x"}])
def test_a_version_without_its_lineage_is_refused(make, store, digests):
    with pytest.raises(HeadraceError, match=r"incomplete-lineage.*data, spec, code, environment"):
        make(digests=digests)
    with store.read() as session:
        assert [] == registry.versions(session, "churn")


def test_a_manifest_without_canonical_json_registers_nothing(make, store):
    with pytest.raises(ValueError, match="nan"):
        make(metrics={"roc_auc": math.nan})
    with store.read() as session:
        assert ([], []) == (registry.versions(session, "churn"), events.log(session, "churn"))


@pytest.mark.parametrize(("which", "number"), [("1", 1), ("v2", 2), ("latest", 3), ("champion", 2)])
def test_a_version_is_found_by_what_a_person_types(make, store, write, which, number):
    for _ in range(3):
        version = make()
    write(registry.promote, model="churn", number=2, at=version.created_at, reason="good")
    with store.read() as session:
        assert number == registry.find(session, "churn", which).number


@pytest.mark.parametrize("which", ["9", "v0", "latest", "champion", "²"])
def test_what_is_not_there_is_said(store, which):
    with store.read() as session, pytest.raises(HeadraceError, match="no-version"):
        registry.find(session, "churn", which)


def test_a_run_has_made_one_version_or_none(make, store):
    made = make(run_id="r1")
    with store.read() as session:
        assert (made, None) == (registry.by_run(session, "r1"), registry.by_run(session, "r2"))
