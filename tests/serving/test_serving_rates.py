"""Buckets that workers share: as one worker's own, and together no more than one's."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from headrace.compiled import RateConfig
from headrace.serving.buckets import Buckets
from headrace.serving.fleet import told
from headrace.serving.fleet.rates import CALLERS, SharedBuckets
from headrace.serving.guard import counted

STEPS = st.lists(st.tuples(st.sampled_from(["ana", "ben", "token:c"]), st.integers(0, 40), st.booleans()), max_size=60)


@given(steps=STEPS, burst=st.integers(1, 5), per_second=st.sampled_from([1, 2, 4]))
@settings(deadline=None, max_examples=60)
def test_whichever_worker_is_asked_it_is_one_bucket(steps: list[tuple[str, int, bool]], burst: int, per_second: int) -> None:
    rate = RateConfig(per_second=per_second, burst=burst, by="key")
    with tempfile.TemporaryDirectory() as folder:
        workers = [SharedBuckets(Path(folder) / "rates", rate) for _ in range(2)]
        alone, now = Buckets(rate), 1000.0
        for who, eighths, other in steps:
            now += eighths / 8
            assert alone.take(who, now) == pytest.approx(workers[other].take(who, now), abs=1e-6)


def test_who_finds_every_slot_taken_takes_that_of_whoever_asked_least(tmp_path: Path) -> None:
    buckets = SharedBuckets(tmp_path / "rates", RateConfig(per_second=1, burst=2, by="key"))
    assert {0.0} == {buckets.take(f"caller-{number}", 1000.0) for number in range(2 * CALLERS)}
    for _ in range(3):
        buckets.take("often", 1000.0)
    assert buckets.take("often", 1000.0) > 0


TAKE = """
import sys
from pathlib import Path
from headrace.compiled import RateConfig
from headrace.serving.fleet.rates import SharedBuckets
buckets = SharedBuckets(Path(sys.argv[1]), RateConfig(per_second=1, burst=3000, by="key"))
print("ready", flush=True)
sys.stdin.readline()
print(sum(buckets.take("ana", 1000.0) == 0 for _ in range(2500)))
"""


def test_workers_that_take_at_once_give_away_no_more_than_there_is(tmp_path: Path) -> None:
    command = [sys.executable, "-c", TAKE, str(tmp_path / "rates")]
    workers = [subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) for _ in range(2)]
    for one in workers:
        assert one.stdout is not None
        assert "ready\n" == one.stdout.readline()
    for one in workers:
        assert one.stdin is not None
        one.stdin.write("go\n")
        one.stdin.flush()
    assert 3000 == sum(int(one.communicate(timeout=60)[0]) for one in workers)


def test_one_of_several_shares_and_one_that_is_alone_does_not(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rate = RateConfig(per_second=1, burst=1, by="key")
    monkeypatch.delenv(told.METRICS, raising=False)
    assert isinstance(counted(rate, "work"), Buckets)
    monkeypatch.setenv(told.METRICS, str(tmp_path / "metrics"))
    one, other = counted(rate, "work"), counted(rate, "work")
    assert (0.0, True) == (one.take("ana", 1000.0), other.take("ana", 1000.0) > 0)
