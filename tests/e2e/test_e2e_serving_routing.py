"""A server through many changes of who answers: nothing fails, every answer is of one whole version, and going back is at once."""

import time
from collections import Counter
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from serving_process import MODEL, Hammer, project, served, until
from sqlmodel import select

from headrace import registry, rollout
from headrace.journal import ship, unshipped
from headrace.journal.mirrored import pairs
from headrace.store import clock, tables

pytestmark = [pytest.mark.slow, pytest.mark.alone]

ACTOR = "user:test"


def test_no_request_fails_through_many_changes_of_models_weights_and_shadows(tmp_path: Path) -> None:
    made = project(tmp_path, {"shadow": {"version": "latest", "share": 0.2, "queue": 100}})
    values = {made.register_flaky(value): value for value in (0.1, 0.2, 0.3, 0.4)}
    altered = made.register_flaky(0.9)
    made.blob(altered).write_bytes(b"something else")
    made.alias("champion", 1)
    with served(made) as server, Hammer(server.port) as load:
        for champion, candidate in ((2, 3), (3, 4), (4, 1), (1, 2), (2, 4), (4, 3), (3, 1), (1, 4)):
            made.alias("champion", champion)
            until(lambda n=champion: server.answers_as(champion=n))  # type: ignore[misc]
            for share in (0.2, 0.5, 0.1):
                made.weigh(champion, candidate, share)
                until(lambda c=champion, d=candidate: server.answers_as(champion=c, candidate=d))  # type: ignore[misc]
            made.weigh(champion, altered, 0.5)
            until(lambda c=champion: server.answers_as(champion=c))  # type: ignore[misc]
        made.alias("champion", altered)
        until(lambda: bool(server.metadata()["refused"]))
        values |= {made.register_flaky(0.5): 0.5}  # the newest from now on: the shadow is another one
        until(lambda: server.metadata()["shadow"]["version"] == 6)
        time.sleep(0.3)
        last = server.metadata()["versions"]
    assert ([], {"champion": 1}) == (load.failed, last)
    assert {(one["version"], one["prediction"]) for one in load.answered} == {(number, values[number]) for number in (1, 2, 3, 4)}
    assert min(Counter(one["version"] for one in load.answered).values()) > 50
    while unshipped(made.store, made.spool):
        ship(made.store, made.spool)
    with made.store.read() as session:
        mirrored = {(pair.shadow_version, pair.shadow_output) for pair in pairs(session, MODEL)}
    assert {(6, 0.5)} == mirrored


def test_a_rollback_is_answered_by_the_old_champion_within_a_second_though_its_file_is_gone(tmp_path: Path) -> None:
    made = project(tmp_path)
    first, second = made.register_flaky(0.25), made.register_flaky(0.75)
    made.alias("champion", first)
    made.weigh(first)
    with served(made) as server, Hammer(server.port) as load:
        with made.store.transaction(ACTOR, "promote", MODEL) as session:
            registry.promote(session, model=MODEL, number=second, at=clock.wall(), reason="test")
        made.weigh(second)
        until(lambda: server.answers_as(champion=second))
        time.sleep(0.5)
        made.blob(first).unlink()  # what is put back was kept loaded
        asked = datetime.now(UTC)
        rollout.roll_back(made.store, model=MODEL, actor=ACTOR, reason="complaints")
        until(lambda: server.answers_as(champion=first))
        time.sleep(0.3)
    assert [] == load.failed
    while unshipped(made.store, made.spool):
        ship(made.store, made.spool)
    with made.store.read() as session:
        rows = session.exec(select(tables.Prediction)).all()
    by_the_old = [row.recorded_at for row in rows if row.version == second]
    assert max(by_the_old) - asked < timedelta(seconds=1)
    assert len(rows) - len(by_the_old) > 50
