"""A log that was put back to an older state is taken by a witness through an entry of it that says so, and by nothing else."""

import json
from base64 import b64encode
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from headrace.audit.entry import canonical
from headrace.audit.signing import PrivateKey
from headrace.audit.tree import Tree
from headrace.audit.verify import Checkpoint, Findings, PublicKey, Refused, Witnessed, history, leaf_hash, named, witnessed
from headrace.audit.witness import Witness

KEY = PrivateKey.made("log.example")
LOST, BACK = 12, 7


class Grown:
    """A log of so many entries, as bytes; `recovers` is what its last one gives up."""

    def __init__(self, *bodies: bytes) -> None:
        self.bodies = bodies

    @classmethod
    def of(cls, count: int, mark: str = "") -> "Grown":
        return cls(*(body(number, action=f"move{mark if number >= BACK else ''}") for number in range(count)))

    def tree(self) -> Tree:
        leaves = [leaf_hash(one) for one in self.bodies]
        return Tree(len(leaves), lambda level, _: leaves if level == 0 else [])

    def checkpoint(self) -> Checkpoint:
        return Checkpoint("log.example", len(self.bodies), self.tree().root())

    def note(self, key: PrivateKey = KEY) -> str:
        return key.sign(str(self.checkpoint()))


def body(seq: int, **told: Any) -> bytes:
    return canonical({"seq": seq, "log": "log.example", "actor": "user:op", "recorded_at": "then", **told})


BEFORE = Grown.of(LOST)


def recovered(**told: Any) -> tuple[Grown, Witnessed]:
    """The log as it was put back, with its entry, and what a witness is given."""
    said = {"action": "recover", "before": named(BEFORE.checkpoint()), "reason": "the disk was lost"} | told
    log = Grown(*Grown.of(BACK).bodies, body(said.pop("seq", BACK), **said), body(BACK + 1, action="move"))
    tree = log.tree()
    return log, Witnessed(5, tuple(tree.consistency(5)), log.note(), log.bodies[BACK], tuple(tree.inclusion(BACK)))


@pytest.fixture
def witness(tmp_path: Path) -> Witness:
    """One that took checkpoints of 5 and of 12 entries."""
    made = Witness(tmp_path / "checkpoints")
    for size in (5, LOST):
        made.take(Grown(*BEFORE.bodies[:size]).note(), KEY.public, BEFORE.tree().consistency)
    return made


def judged(witness: Witness) -> tuple[list[int], Findings]:
    findings = Findings()
    return [one.size for one in history(witness.records(), KEY.public, findings, "it")], findings


def test_a_witness_takes_what_gives_up_its_last_checkpoint_and_tells_of_it(witness: Witness) -> None:
    log, record = recovered()
    with pytest.raises(Refused, match="12 entries"):
        witness.take(log.note(), KEY.public, log.tree().consistency)
    witness.recover(record, KEY.public)

    sizes, findings = judged(witness)
    said = "entry 7, of user:op at then, gives up what came after 5 entries, up to 12: the disk was lost"
    assert ([5, 9], "sound", [said]) == (sizes, findings.verdict, findings.recovered)
    last = BEFORE.checkpoint()
    assert {(last.size, last.root)} == findings.given_up


def test_a_witness_goes_on_from_there(witness: Witness) -> None:
    log, record = recovered()
    witness.recover(record, KEY.public)
    more = Grown(*log.bodies, *(body(number, action="move") for number in range(9, 14)))
    assert witness.take(more.note(), KEY.public, more.tree().consistency)
    assert [5, 9, 14] == judged(witness)[0]


FALSE = {
    "another action": {"action": "move"},
    "another checkpoint": {"before": named(Grown.of(LOST, "!").checkpoint())},
    "no checkpoint": {"before": ""},
    "another log": {"log": "other.example"},
    "another place": {"seq": 3},
}


@pytest.mark.parametrize("told", FALSE.values(), ids=FALSE)
def test_an_entry_that_says_otherwise_recovers_nothing(witness: Witness, told: dict[str, Any]) -> None:
    with pytest.raises(Refused):
        witness.recover(recovered(**told)[1], KEY.public)
    assert [5, LOST] == judged(witness)[0]


def broken() -> dict[str, Witnessed]:
    _, record = recovered()
    other, _ = recovered(reason="another")
    assert record.entry is not None
    far = Grown(*Grown.of(5, "?").bodies[:4], body(4, action="other"), *recovered()[0].bodies[5:])
    return {
        "an entry outside": replace(record, entry=canonical({**json.loads(record.entry), "reason": "x"})),
        "no entry": replace(record, entry=b"nonsense"),
        "an entry without a number": replace(record, entry=b"{}"),
        "no path": replace(record, path=()),
        "a size that was never taken": replace(record, old=6),
        "the size that was given up": replace(record, old=LOST),
        "no proof of the beginning": replace(record, proof=()),
        "a signature of another": replace(record, note=recovered()[0].note(PrivateKey.made("log.example"))),
        "another note": replace(record, note=other.note()),
        "another beginning": Witnessed(
            5, tuple(far.tree().consistency(5)), far.note(), far.bodies[BACK], tuple(far.tree().inclusion(BACK))
        ),
        "an ordinary one": replace(record, entry=None, path=()),
    }


@pytest.mark.parametrize("name", broken())
def test_what_does_not_prove_itself_recovers_nothing(witness: Witness, name: str) -> None:
    with pytest.raises(Refused):
        witness.recover(broken()[name], KEY.public)
    assert [5, LOST] == judged(witness)[0]


def test_a_recovery_cannot_be_said_twice(witness: Witness) -> None:
    _, record = recovered()
    witness.recover(record, KEY.public)
    with pytest.raises(Refused, match="does not give up the 9 entries"):
        witness.recover(record, KEY.public)


def test_a_witness_that_is_not_sound_takes_none(witness: Witness) -> None:
    witness.path.write_text(witness.path.read_text().replace("old 5", "old 4"))
    with pytest.raises(Refused, match="does not continue"):
        witness.recover(recovered()[1], KEY.public)


def test_its_record_is_read_as_it_was_written(witness: Witness) -> None:
    _, record = recovered()
    assert [record] == witnessed(str(record))
    with pytest.raises(Refused, match="base64"):
        witnessed(str(record).replace("recover ", "recover !"))


@pytest.mark.parametrize("given", ["text", "file"])
def test_a_key_is_given_as_text_or_as_a_file(tmp_path: Path, given: str) -> None:
    (tmp_path / "key.pub").write_text(f"{KEY.public}\n")
    assert KEY.public == PublicKey.given(str(KEY.public) if given == "text" else str(tmp_path / "key.pub"))


def test_what_is_neither_key_nor_file_is_said(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="no such file"):
        PublicKey.given("key.pub")
    (tmp_path / "key").write_bytes(b"\xff")
    with pytest.raises(Refused, match="no public key"):
        PublicKey.given(str(tmp_path / "key"))
    with pytest.raises(Refused):
        PublicKey.given(f"log+00000000+{b64encode(b'x').decode()}")
