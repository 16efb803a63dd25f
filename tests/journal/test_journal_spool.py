"""The spool: one write a record, bounded, and honest about what it did not take."""

import errno
import os
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
from sqlmodel import select

from headrace.journal import Backlog, Spool, SpoolFull, Terms, backlog, ship
from headrace.journal.segment import frames
from headrace.journal.spool import MAX_BODY
from headrace.store.tables import Prediction


def written(folder: Path) -> int:
    return sum(len(frames(path.read_bytes(), final=True).bodies) for path in folder.glob("*.spool"))


def segments(folder: Path) -> list[Path]:
    return sorted(folder.glob("*.spool"))


def test_each_opening_has_a_segment_of_its_own(folder: Path, prediction) -> None:
    for _ in range(2):
        Spool.open(folder).append(prediction())

    assert [1, 1] == [len(frames(path.read_bytes(), final=True).bodies) for path in segments(folder)]


def test_a_record_is_one_write(folder: Path, prediction, monkeypatch: pytest.MonkeyPatch) -> None:
    spool, writes, write = Spool.open(folder), [], os.write
    monkeypatch.setattr(os, "write", lambda file, data: writes.append(len(data)) or write(file, data))
    spool.append(prediction())

    assert [segments(folder)[0].stat().st_size] == writes


def test_a_segment_that_is_long_enough_is_followed_by_another(folder: Path, prediction) -> None:
    spool = Spool.open(folder, Terms(segment_bytes=600))
    for person in range(10):
        spool.append(prediction(person))

    assert (10, True, True) == (written(folder), len(segments(folder)) > 3, all(p.stat().st_size <= 600 for p in segments(folder)))


def test_a_full_spool_refuses_and_takes_again_once_it_is_shipped(folder: Path, prediction, store) -> None:
    spool = Spool.open(folder, Terms(max_bytes=1000))
    records = [prediction(person) for person in range(100)]
    with pytest.raises(SpoolFull, match="is the shipper running") as error:
        any(spool.append(record) for record in records)
    refused = written(folder)
    with pytest.raises(SpoolFull):
        spool.append(prediction())

    assert (errno.ENOSPC, refused, True) == (error.value.errno, written(folder), spool.held <= 1000)

    ship(store, folder)
    spool.append(prediction())

    assert 1 == written(folder)


def test_the_bound_counts_what_other_processes_spooled(folder: Path, prediction) -> None:
    other, spool = Spool.open(folder), Spool.open(folder, Terms(max_bytes=1000))
    for person in range(10):
        other.append(prediction(person))

    with pytest.raises(SpoolFull):
        spool.append(prediction())


def test_a_disk_that_takes_a_part_of_a_record_leaves_nothing_of_it(folder: Path, prediction, monkeypatch: pytest.MonkeyPatch) -> None:
    spool, write = Spool.open(folder), os.write
    spool.append(prediction())
    monkeypatch.setattr(os, "write", lambda file, data: write(file, data[:20]))
    with pytest.raises(SpoolFull, match="took 20 of"):
        spool.append(prediction())
    monkeypatch.undo()
    spool.append(prediction())

    found = [frames(path.read_bytes(), final=True) for path in segments(folder)]
    assert (2, []) == (sum(len(one.bodies) for one in found), [damage for one in found for damage in one.damaged])


def test_a_full_disk_has_room_again_once_what_it_holds_is_shipped(store, folder: Path, prediction, monkeypatch: pytest.MonkeyPatch) -> None:
    """The segment that filled it is far from its own bound, and nobody holds it open any more."""
    spool = Spool.open(folder)
    spool.append(prediction())

    def full(*_: object) -> int:
        raise OSError(errno.ENOSPC, "no space left on device")

    monkeypatch.setattr(os, "write", full)
    for _ in range(3):
        with pytest.raises(OSError, match="no space left"):
            spool.append(prediction())
    monkeypatch.undo()
    ship(store, folder)

    assert [0] == [path.stat().st_size for path in segments(folder)]
    spool.append(prediction())
    assert 1 == written(folder)


def test_where_the_part_cannot_be_taken_back_a_new_segment_begins(folder: Path, prediction, monkeypatch: pytest.MonkeyPatch) -> None:
    spool, write = Spool.open(folder), os.write

    def refuse(*_: object) -> None:
        raise OSError(errno.EIO, "input/output error")

    monkeypatch.setattr(os, "write", lambda file, data: write(file, data[:20]))
    monkeypatch.setattr(os, "ftruncate", refuse)
    with pytest.raises(SpoolFull):
        spool.append(prediction())
    monkeypatch.undo()
    spool.append(prediction())

    assert (2, 1) == (len(segments(folder)), written(folder))


LIMITED = """
import resource, signal, sys
from datetime import UTC, datetime
from pathlib import Path
from headrace.journal import OutcomeRecord, Spool
resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))
spool, taken = Spool.open(Path(sys.argv[1])), 0
try:
    while True:
        spool.append(OutcomeRecord("employment", str(taken), 1.0, datetime(2016, 1, 1, tzinfo=UTC)))
        taken += 1
except OSError:
    print(taken)
"""


def test_what_a_limited_disk_took_was_acknowledged_and_no_more(folder: Path) -> None:
    """A limit of the operating system on the file's size: the kernel itself takes a part of a record."""
    taken = int(subprocess.run([sys.executable, "-c", LIMITED, str(folder)], check=True, capture_output=True, text=True).stdout)
    found = [frames(path.read_bytes(), final=True) for path in segments(folder)]

    assert (taken, []) == (sum(len(one.bodies) for one in found), [damage for one in found for damage in one.damaged])


def test_a_record_that_is_too_long_is_refused(folder: Path, prediction) -> None:
    with pytest.raises(OSError, match="longer than") as error:
        Spool.open(folder).append(prediction(inputs={"essay": "x" * MAX_BODY}))
    assert errno.EMSGSIZE == error.value.errno


def test_a_closed_spool_takes_nothing(folder: Path, prediction) -> None:
    spool = Spool.open(folder)
    spool.close()
    spool.close()

    with pytest.raises(OSError, match="closed"):
        spool.append(prediction())
    assert 0 == spool.held


def test_threads_may_share_a_spool(folder: Path, prediction) -> None:
    spool = Spool.open(folder, Terms(segment_bytes=5000))
    threads = [threading.Thread(target=lambda: [spool.append(prediction(person)) for person in range(200)]) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert 800 == written(folder)


def test_a_folder_that_cannot_be_made_is_an_os_error(tmp_path: Path) -> None:
    (tmp_path / "taken").write_text("a file, where a folder should be")

    with pytest.raises(OSError, match="taken"):
        Spool.open(tmp_path / "taken" / "employment")


def test_a_batch_is_one_write_and_all_of_it_or_nothing(folder: Path, prediction, monkeypatch: pytest.MonkeyPatch) -> None:
    spool, writes, write = Spool.open(folder), [], os.write
    monkeypatch.setattr(os, "write", lambda file, data: writes.append(len(data)) or write(file, data))
    spool.append_all([prediction(person) for person in range(50)])
    with pytest.raises(OSError, match="longer than"):
        spool.append_all([prediction(1), prediction(2, inputs={"essay": "x" * MAX_BODY})])
    spool.append_all([])

    assert (50, [segments(folder)[0].stat().st_size], 2) == (written(folder), writes, spool.refused)


def test_what_follows_a_batch_that_the_disk_cut_is_shipped_though_the_shipper_saw_its_beginning(
    folder: Path, prediction, store, monkeypatch: pytest.MonkeyPatch
) -> None:
    spool, write = Spool.open(folder), os.write

    def cut(file: int, data: bytes) -> int:
        took = write(file, data[:-20])
        ship(store, folder)  # between the write and its being taken back
        return took

    monkeypatch.setattr(os, "write", cut)
    with pytest.raises(SpoolFull):
        spool.append_all([prediction(person) for person in range(3)])
    monkeypatch.undo()
    for person in range(10, 13):
        spool.append(prediction(person))
    ship(store, folder)

    with store.read() as session:
        found = set(session.exec(select(Prediction.entity)))
    assert {"10", "11", "12"} <= found


def framed(spool: Spool, id_: str, text: str = "") -> bytes:
    return spool.framed((1, id_, "employment", 1, "champion", 1, "7", 1, 1, 0.5, None, ()), {"age": 1.0, "text": text}, None)


def test_predictions_together_are_one_write_and_each_is_in_the_store(store, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    spool, writes, write = Spool.open(folder), [], os.write
    frames_ = [framed(spool, str(at)) for at in range(5)]
    with monkeypatch.context() as patched:
        patched.setattr(os, "write", lambda file, data: writes.append(len(data)) or write(file, data))
        faults = spool.append_together(frames_)
    ship(store, folder)
    with store.read() as session:
        kept = session.exec(select(Prediction.id)).all()

    assert ([], [sum(map(len, frames_))], ["0", "1", "2", "3", "4"]) == (faults, writes, list(kept))


def test_predictions_that_do_not_go_together_go_alone_and_who_did_not_is_told(store, folder: Path) -> None:
    spool = Spool.open(folder, Terms(max_bytes=1000))
    faults = spool.append_together([framed(spool, "first"), framed(spool, "long", "x" * 2000), framed(spool, "last")])
    ship(store, folder)
    with store.read() as session:
        kept = session.exec(select(Prediction.id)).all()

    assert ([False, True, False], ["first", "last"], 1) == ([isinstance(one, SpoolFull) for one in faults], list(kept), spool.refused)


def test_what_a_torn_write_left_of_predictions_is_in_the_store_once(store, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    spool, write, cuts = Spool.open(folder), os.write, [1]
    frames_ = [framed(spool, str(at)) for at in range(3)]

    def cut(file: int, data: bytes) -> int:
        if not cuts:
            return write(file, data)
        cuts.pop()
        return write(file, data[: len(frames_[0]) + 9])

    monkeypatch.setattr(os, "write", cut)
    monkeypatch.setattr(os, "ftruncate", lambda *_: ship(store, folder))  # a shipper has seen the first, and nothing is taken back
    faults = spool.append_together(frames_)
    spool.close()
    ship(store, folder)
    with store.read() as session:
        kept = session.exec(select(Prediction.id)).all()

    assert ([], ["0", "1", "2"]) == (faults, sorted(kept))


def test_a_spool_that_drops_lets_predictions_together_be_answered(folder: Path) -> None:
    spool = Spool.open(folder, Terms(max_bytes=1000, drop=True))
    faults = spool.append_together([framed(spool, "first"), framed(spool, "long", "x" * 2000)])

    assert ([], 1, 0, 1) == (faults, spool.dropped, spool.refused, written(folder))


def test_predictions_together_are_on_the_disk_before_they_are_acknowledged(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    spool, synced = Spool.open(folder, Terms(strict=True)), []
    monkeypatch.setattr(os, "fdatasync", lambda file: synced.append(os.fstat(file).st_size))
    frames_ = [framed(spool, str(at)) for at in range(3)]
    spool.append_together(frames_)

    assert [sum(map(len, frames_))] == synced


def test_a_strict_record_is_on_the_disk_before_it_is_acknowledged(folder: Path, prediction, monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[str] = []
    write, sync = os.write, os.fdatasync
    monkeypatch.setattr(os, "write", lambda file, data: told.append("write") or write(file, data))
    monkeypatch.setattr(os, "fdatasync", lambda file: told.append("sync") or sync(file))
    strict, usual = Spool.open(folder, Terms(strict=True)), Spool.open(folder)
    strict.append(prediction())
    told.append("acknowledged")
    strict.append_all([prediction(), prediction()])
    told.append("acknowledged")
    usual.append(prediction())

    assert ["write", "sync", "acknowledged"] * 2 + ["write"] == told


def test_what_could_not_be_brought_to_the_disk_is_refused_and_nothing_follows_it(
    folder: Path, prediction, monkeypatch: pytest.MonkeyPatch
) -> None:
    spool = Spool.open(folder, Terms(strict=True))
    spool.append(prediction())

    def fail(_: int) -> None:
        raise OSError(errno.EIO, "input/output error")

    monkeypatch.setattr(os, "fdatasync", fail)
    with pytest.raises(OSError, match="input/output"):
        spool.append(prediction())
    monkeypatch.undo()
    spool.append(prediction())

    assert [1, 1] == [len(frames(path.read_bytes(), final=True).bodies) for path in segments(folder)]


def test_a_spool_that_drops_counts_predictions_and_refuses_outcomes(folder: Path, prediction, outcome) -> None:
    spool = Spool.open(folder, Terms(max_bytes=600, drop=True))
    for person in range(10):
        spool.append(prediction(person))
    spool.append_all([prediction(person, inputs={"essay": "x" * 600}) for person in range(3)])
    with pytest.raises(SpoolFull):
        spool.append(outcome(1, label="x" * 600))

    assert (13, 1, True) == (written(folder) + spool.dropped, spool.refused, spool.dropped > 3)


def test_a_closed_spool_refuses_even_where_it_drops(folder: Path, prediction) -> None:
    spool = Spool.open(folder, Terms(drop=True))
    spool.close()

    with pytest.raises(OSError, match="closed"):
        spool.append(prediction())


def test_a_disk_without_room_for_a_segment_that_has_it_again_is_written_to_again(
    folder: Path, prediction, monkeypatch: pytest.MonkeyPatch
) -> None:
    spool = Spool.open(folder, Terms(segment_bytes=300))
    spool.append(prediction())
    opened = os.open

    def none(path, flags, *more, **named):
        if flags & os.O_CREAT:
            raise OSError(errno.ENOSPC, "no space left on device")
        return opened(path, flags, *more, **named)

    monkeypatch.setattr(os, "open", none)
    for _ in range(2):
        with pytest.raises(OSError, match="no space"):
            spool.append(prediction())
    monkeypatch.undo()
    spool.append(prediction())

    assert (2, 2) == (written(folder), spool.refused)


SMALL = """
import sys
from datetime import UTC, datetime
from pathlib import Path
from headrace.journal import OutcomeRecord, Spool, Terms
spool = Spool.open(Path(sys.argv[1]), Terms(segment_bytes=40_000))
def fill(first):
    taken = first
    try:
        while True:
            spool.append(OutcomeRecord("employment", str(taken), 1.0, datetime(2016, 1, 1, tzinfo=UTC)))
            taken += 1
    except OSError as error:
        return taken, error.errno
taken, why = fill(0)
Path(sys.argv[2]).unlink()
print(taken, why, *fill(taken))
"""


@pytest.mark.skipif(os.geteuid() != 0, reason="a file system is mounted by root alone")
def test_a_disk_that_fills_takes_whole_records_alone_and_goes_on_once_there_is_room(tmp_path: Path) -> None:
    disk = tmp_path / "disk"
    disk.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=400k", "tmpfs", disk], check=False).returncode:
        pytest.skip("this machine lets nobody mount")
    try:
        (disk / "ballast").write_bytes(b"x" * 200_000)
        told = subprocess.run([sys.executable, "-c", SMALL, disk / "spool", disk / "ballast"], check=True, capture_output=True, text=True)
        first, why, last, again = map(int, told.stdout.split())
        found = [frames(path.read_bytes(), final=True) for path in segments(disk / "spool")]
    finally:
        subprocess.run(["umount", disk], check=True)

    assert (errno.ENOSPC, errno.ENOSPC, True) == (why, again, last > first > 100)
    assert (last, []) == (sum(len(one.bodies) for one in found), [damage for one in found for damage in one.damaged])


def test_a_clock_that_jumps_back_loses_nothing(folder: Path, prediction, store, monkeypatch: pytest.MonkeyPatch) -> None:
    spool, now = Spool.open(folder, Terms(segment_bytes=600)), time.time_ns()
    for turn in range(12):
        monkeypatch.setattr(time, "time_ns", lambda turn=turn: now - turn * 3_600_000_000_000)
        spool.append(prediction(turn))
    monkeypatch.undo()
    spool.close()

    assert (12, Backlog(0, None)) == (ship(store, folder), backlog(store, folder))
