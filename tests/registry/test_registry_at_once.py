"""Many at once, on both databases: thirty get thirty numbers, and of two who promote one wins."""

import multiprocessing

import pytest

from headrace import registry
from headrace.diagnostics import HeadraceError
from headrace.store import Store, events

PROCESSES = 30


@pytest.fixture(params=["sqlite", "postgres"])
def url(request):
    return "sqlite:///state.db" if request.param == "sqlite" else request.getfixturevalue("postgres")


def at_once(count, work, *arguments):
    """What `count` processes say, each begun when all are there."""
    context = multiprocessing.get_context("fork")
    barrier, said = context.Barrier(count), context.Queue()
    workers = [context.Process(target=work, args=(n, barrier, said, *arguments)) for n in range(count)]
    for worker in workers:
        worker.start()
    told = sorted(said.get(timeout=120) for _ in workers)
    for worker in workers:
        worker.join()
    return told


def register(n, barrier, said, url, root, manifest):  # noqa: PLR0917 - what the process is told
    store = Store.open(url, "blobs", root=root)
    barrier.wait()
    made = registry.register(
        store, actor=f"p{n}", model="churn", run_id=f"r{n}", manifest=manifest, model_bytes=b"%d" % n, algorithm="a", format="x",
        at=store.clock.now(),
    )  # fmt: skip
    said.put(made.number)
    store.close()


def promote(n, barrier, said, url, root):
    store = Store.open(url, "blobs", root=root)
    barrier.wait()
    try:
        with store.transaction(f"p{n}", "promote", "churn") as session:
            registry.promote(session, model="churn", number=n + 2, at=store.clock.now(), reason="race", expected=1)
        said.put("won")
    except HeadraceError as error:
        said.put(next(iter(error.report)).id)
    store.close()


@pytest.mark.slow
def test_thirty_processes_at_once_get_thirty_numbers(url, tmp_path, manifest):
    Store.open(url, "blobs", root=tmp_path).close()
    assert list(range(1, PROCESSES + 1)) == at_once(PROCESSES, register, url, tmp_path, manifest)


@pytest.mark.slow
def test_of_those_who_promote_at_once_one_wins(url, tmp_path, manifest):
    with Store.open(url, "blobs", root=tmp_path) as store:
        for n in range(5):
            registry.register(
                store,
                actor="t",
                model="churn",
                run_id="r",
                manifest=manifest,
                model_bytes=b"%d" % n,
                algorithm="a",
                format="x",
                at=store.clock.now(),
            )
        with store.transaction("t", "promote", "churn") as session:
            registry.promote(session, model="churn", number=1, at=store.clock.now(), reason="first")
    assert [*["registry-conflict"] * 3, "won"] == at_once(4, promote, url, tmp_path)
    with Store.open(url, "blobs", root=tmp_path) as store, store.read() as session:
        moved = [e for e in events.log(session, "churn", [events.EventKind.ALIAS_MOVED]) if e.payload["alias"] == "champion"]
        assert 2 == len(moved)
