"""A witness takes what continues its last checkpoint, and nothing else; a key is its owner's alone."""

import threading
from pathlib import Path

import pytest
from signed_log import Log

from headrace.audit.signing import PrivateKey, kept
from headrace.audit.verify import Checkpoint, Edge, Findings, Refused, history, leaf_hash
from headrace.audit.witness import Witness

KEY = PrivateKey("log.example", bytes(range(32)))


def took(witness: Witness, log: Log, size: int, key: PrivateKey = KEY) -> bool:
    return witness.take(log.note(size, key), key.public, log.tree(size).consistency)


def test_a_log_that_grows_is_taken_each_time(tmp_path: Path) -> None:
    witness, log = Witness(tmp_path / "far" / "checkpoints"), Log(300)
    assert [True, True, False, True] == [took(witness, log, size) for size in (1, 200, 200, 300)]
    found = Findings()
    assert ([1, 200, 300], "sound") == ([one.size for one in history(witness.records(), KEY.public, found, "it")], found.verdict)


def test_a_folder_holds_its_file(tmp_path: Path) -> None:
    took(Witness(tmp_path), Log(3), 3)
    assert 1 == len(Witness(tmp_path / "checkpoints").records())


@pytest.mark.parametrize(
    ("log", "size", "why"),
    [
        (Log(300), 100, "has a checkpoint of 200 entries, and the log has 100"),
        (Log(300, changed=7), 300, "does not begin with the 200 entries"),
        (Log(300, changed=7), 200, "does not begin with the 200 entries"),
        (Log(300, name="other.example"), 300, "is the witness of another log"),
    ],
    ids=["behind", "changed", "forked", "another log"],
)
def test_another_history_is_refused_and_nothing_is_written(log: Log, size: int, why: str, tmp_path: Path) -> None:
    witness = Witness(tmp_path / "checkpoints")
    took(witness, Log(300), 200)
    before = witness.path.read_bytes()
    with pytest.raises(Refused, match=why):
        took(witness, log, size)
    assert before == witness.path.read_bytes()


def test_a_checkpoint_of_another_key_is_refused(tmp_path: Path) -> None:
    witness, other = Witness(tmp_path / "checkpoints"), PrivateKey("log.example", bytes(32))
    took(witness, Log(3), 2)
    with pytest.raises(Refused, match="not signed by"):
        witness.take(Log(3).note(3, other), KEY.public, Log(3).tree(3).consistency)
    with pytest.raises(Refused, match="not signed by"):
        took(witness, Log(3), 3, other)


@pytest.mark.parametrize("damage", [lambda data: data[:-3], lambda data: data.replace(b"old", b"\xff\xff"), lambda data: b"x" + data])
def test_a_witness_that_was_damaged_takes_nothing(damage, tmp_path: Path) -> None:
    witness = Witness(tmp_path / "checkpoints")
    took(witness, Log(3), 2)
    witness.path.write_bytes(damage(witness.path.read_bytes()))
    with pytest.raises(Refused):
        took(witness, Log(3), 3)
    with pytest.raises(Refused):
        witness.records()


def test_what_stands_in_it_is_checked_from_the_first_on(tmp_path: Path) -> None:
    witness, log, found = Witness(tmp_path / "checkpoints"), Log(50), Findings()
    for size in (10, 20, 50):
        took(witness, log, size)
    records = witness.records()
    history([records[0], records[2]], KEY.public, found, "it")
    history(records[1:], KEY.public, found, "it")
    history(records, PrivateKey("log.example", bytes(32)).public, found, "it")
    history(records, KEY.public, found, "it", "other.example")
    assert [
        "checkpoint 2 of it does not continue the one before it",
        "checkpoint 1 of it does not continue the one before it",
        "checkpoint 1 of it: it is not signed by log.example",
        "checkpoint 1 of it is of another log: log.example",
    ] == found.tampered


def test_a_key_is_made_once_and_is_its_owner_s_alone(tmp_path: Path) -> None:
    made: list[PrivateKey] = []
    makers = [threading.Thread(target=lambda: made.append(kept(tmp_path / "a" / "key", "log.example"))) for _ in range(8)]
    for maker in makers:
        maker.start()
    for maker in makers:
        maker.join()
    path = tmp_path / "a" / "key"
    assert (1, 0o600, ["key", "key.pub"]) == (len(set(made)), path.stat().st_mode & 0o777, sorted(f.name for f in path.parent.iterdir()))
    assert str(made[0].public) == (tmp_path / "a" / "key.pub").read_text().strip()


def test_a_key_that_others_may_read_is_refused(tmp_path: Path) -> None:
    kept(tmp_path / "key", "log.example")
    (tmp_path / "key").chmod(0o640)
    with pytest.raises(Refused, match="chmod 600"):
        kept(tmp_path / "key", "log.example")


@pytest.mark.parametrize("text", ["", "PRIVATE+KEY+a+b", f"{KEY.text()[:-5]}AAAA=", KEY.text().replace("log", "lag"), str(KEY.public)])
def test_what_is_no_key_is_refused_and_not_shown(text: str) -> None:
    with pytest.raises(Refused) as error:
        PrivateKey.parse(text)
    assert text.partition("example")[2][10:] not in str(error.value) or not text.partition("example")[2][10:]


@pytest.mark.parametrize("text", ["", "a\n", "a\n-1\nAA==\n", "a\n01\nAA==\n", f"a\n{'9' * 5000}\nAA==\n", "a\n3\nAA==\n", "\n3\nAA==\n"])
def test_what_is_no_checkpoint_is_refused(text: str) -> None:
    with pytest.raises(Refused):
        Checkpoint.parse(text)


def test_an_edge_grows_as_its_leaves_come() -> None:
    edge = Edge()
    edge.add(leaf_hash(b"a"))
    assert (1, leaf_hash(b"a")) == (edge.size, edge.root())
