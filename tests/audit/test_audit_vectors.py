"""Hashes, proofs, notes and canonical JSON are those that others publish; `vectors.json` names its sources."""

import json
from base64 import b64decode, b64encode
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headrace.audit.entry import Said, canonical
from headrace.audit.signing import PrivateKey
from headrace.audit.verify import EMPTY, Checkpoint, Edge, PublicKey, Refused, consistent, included, leaf_hash, node_hash, opened

VECTORS: dict[str, Any] = json.loads((Path(__file__).parent / "vectors.json").read_text(encoding="utf-8"))
MERKLE, NOTE = VECTORS["rfc6962"], VECTORS["signed_note"]
LEAVES = [bytes.fromhex(leaf) for leaf in MERKLE["leaves"]]
PETER = PublicKey.parse(NOTE["vkey_peter"])


def decoded(texts: list[str] | None) -> list[bytes]:
    return [b64decode(text) for text in texts or ()]


def test_hashes_of_leaves_and_nodes() -> None:
    found = {
        "leaf_L123456": leaf_hash(b"L123456").hex(),
        "node_N123_N456": node_hash(b"N123", b"N456").hex(),
        "empty_leaf": leaf_hash(b"").hex(),
    }
    assert MERKLE["hasher"] == found


def test_roots_of_a_tree_that_grows() -> None:
    edge, roots = Edge(), [EMPTY.hex()]
    for leaf in LEAVES:
        edge.add(leaf_hash(leaf))
        roots.append(edge.root().hex())
    assert MERKLE["roots"] == roots


@pytest.mark.parametrize("case", MERKLE["inclusion"], ids=lambda case: case["name"])
def test_proofs_of_inclusion(case: dict[str, Any]) -> None:
    leaf, root = b64decode(case["leafHash"]), b64decode(case["root"])
    found = included(leaf, case["leafIdx"], case["treeSize"], decoded(case["proof"]), root)
    assert (not case["wantErr"]) is found


@pytest.mark.parametrize("case", MERKLE["consistency"], ids=lambda case: case["name"])
def test_proofs_of_consistency(case: dict[str, Any]) -> None:
    first, second = b64decode(case["root1"] or ""), b64decode(case["root2"] or "")
    assert (not case["wantErr"]) is consistent(case["size1"], first, case["size2"], second, decoded(case["proof"]))


@pytest.mark.parametrize("key", ["vkey_peter", "vkey_enoch"])
def test_keys_of_others_are_read(key: str) -> None:
    assert NOTE[key] == str(PublicKey.parse(NOTE[key]))


@pytest.mark.parametrize("key", [*NOTE["bad_vkeys"], "", "a", "a b+00000000+AA==", "PeterNeumann+c74f20a3+!"])
def test_keys_that_are_none_are_refused(key: str) -> None:
    with pytest.raises(Refused):
        PublicKey.parse(key)


def test_a_note_is_signed_as_others_sign_it() -> None:
    key = PrivateKey.parse(NOTE["skey_peter"])
    assert (NOTE["signed_by_peter"], NOTE["skey_peter"], NOTE["vkey_peter"]) == (key.sign(NOTE["text"]), key.text(), str(key.public))


@pytest.mark.parametrize("note", ["signed_by_peter", "signed_by_both"])
@pytest.mark.parametrize("key", ["vkey_peter", "vkey_enoch"])
def test_a_note_is_opened_by_a_key_that_signed_it(note: str, key: str) -> None:
    if (note, key) == ("signed_by_peter", "vkey_enoch"):
        with pytest.raises(Refused, match="not signed by EnochRoot"):
            opened(NOTE[note], PublicKey.parse(NOTE[key]))
    else:
        assert NOTE["text"] == opened(NOTE[note], PublicKey.parse(NOTE[key]))


@pytest.mark.parametrize("number", range(len(NOTE["malformed_notes_b64"])))
def test_what_is_no_note_is_refused(number: int) -> None:
    with pytest.raises(Refused):
        opened(b64decode(NOTE["malformed_notes_b64"][number]).decode(errors="surrogateescape"), PETER)


@pytest.mark.parametrize("key", ["vkey_peter", "vkey_enoch"])
def test_a_bad_signature_is_refused(key: str) -> None:
    with pytest.raises(Refused):
        opened(NOTE["bad_signature_note"], PublicKey.parse(NOTE[key]))


def test_the_text_of_a_checkpoint() -> None:
    golden = NOTE["tree_text_golden"]
    root = b64decode(golden["text"].split("\n")[2])
    made = Checkpoint(golden["text"].split("\n")[0], golden["size"], root)
    assert (golden["text"], made) == (str(made), Checkpoint.parse(golden["text"]))


def test_a_published_checkpoint_is_read() -> None:
    found = Checkpoint.parse(NOTE["checkpoint_example"])
    assert ("example.com/behind-the-sofa", 20852163, "CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=") == (
        found.origin,
        found.size,
        b64encode(found.root).decode(),
    )


@pytest.mark.parametrize("case", VECTORS["rfc8785"]["cases"], ids=lambda case: case["name"])
def test_canonical_json(case: dict[str, Any]) -> None:
    assert case["canonical"] == canonical(json.loads(case["input"])).decode()


@pytest.mark.parametrize("value", [float("nan"), float("inf"), 2**53 + 1, "\ud800"])
def test_what_has_no_canonical_form_is_refused(value: object) -> None:
    with pytest.raises(ValueError):
        canonical({"value": value})


TEXTS = st.text(st.characters(exclude_categories=["Cs"]))
MOMENTS = st.datetimes(timezones=st.just(UTC))
SAID = st.builds(Said, TEXTS, TEXTS, TEXTS, MOMENTS, MOMENTS, st.none() | TEXTS, st.none() | TEXTS, st.none() | TEXTS)


@given(SAID, st.integers(0, 2**53 - 1))
def test_the_bytes_of_an_entry_are_canonical(said: Said, seq: int) -> None:
    body = said.body("log", seq, "id")
    assert body == canonical(json.loads(body))


def test_an_entry_whose_text_is_none_is_refused() -> None:
    at = datetime(2026, 1, 1, tzinfo=UTC)
    with pytest.raises(ValueError, match="surrogates"):
        Said("user:ana", "move", "model/\ud800", at, at).body("log", 0, "id")
