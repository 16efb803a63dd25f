"""The spool: one write a record, bounded, and honest about what it did not take."""

import errno
import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from headrace.journal import Spool, SpoolFull, Terms, ship
from headrace.journal.segment import frames
from headrace.journal.spool import MAX_BODY


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

    assert (errno.ENOSPC, refused, True) == (error.value.errno, written(folder), spool.bytes <= 1000)

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

    found = frames(segments(folder)[0].read_bytes(), final=True)
    assert (2, []) == (len(found.bodies), found.damaged)


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
    assert 0 == spool.bytes


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
