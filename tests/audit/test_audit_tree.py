"""Proofs made from tiles are those of the plain definition, and are believed by the verifier; of anything else they are not."""

from hashlib import sha256

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headrace.audit.tree import Tree
from headrace.audit.verify import HEIGHT, Edge, consistent, included, leaf_hash, node_hash

MOST = 1300
LEAVES = [leaf_hash(str(number).encode()) for number in range(MOST)]


def grown() -> tuple[dict[tuple[int, int], bytes], list[bytes]]:
    edge, nodes, roots = Edge(), {}, [Edge().root()]
    for leaf in LEAVES:
        for level, index, node in edge.append(leaf):
            if level % HEIGHT == 0:
                nodes[level // HEIGHT, index] = node
        roots.append(edge.root())
    return nodes, roots


NODES, ROOTS = grown()


def tree(size: int) -> Tree:
    def tiles(level: int, number: int) -> list[bytes]:
        if level == 0:
            return LEAVES[number * 256 : min(size, (number + 1) * 256)]
        return [NODES[level, index] for index in range(number * 256, (number + 1) * 256) if (level, index) in NODES]

    return Tree(size, tiles)


def plain(leaves: list[bytes]) -> bytes:
    """RFC 6962, 2.1, word for word."""
    if len(leaves) < 2:
        return leaves[0] if leaves else sha256(b"").digest()
    split = 1
    while split * 2 < len(leaves):
        split *= 2
    return node_hash(plain(leaves[:split]), plain(leaves[split:]))


@pytest.mark.parametrize("size", [0, 1, 2, 3, 7, 8, 255, 256, 257, 511, 512, 700, 1024, MOST])
def test_the_root_is_that_of_the_definition(size: int) -> None:
    assert (plain(LEAVES[:size]), plain(LEAVES[:size])) == (ROOTS[size], tree(MOST).root(size))


@given(st.data())
def test_each_leaf_is_proven_and_no_other(data: st.DataObject) -> None:
    size = data.draw(st.integers(1, MOST))
    index = data.draw(st.integers(0, size - 1))
    proof = tree(size).inclusion(index)
    other = data.draw(st.integers(0, size - 1))
    assert (True, other == index) == (
        included(LEAVES[index], index, size, proof, ROOTS[size]),
        included(LEAVES[other], other, size, proof, ROOTS[size]) if other != index else True,
    )
    assert not included(leaf_hash(b"forged"), index, size, proof, ROOTS[size])


@given(st.data())
def test_each_earlier_tree_is_proven_and_no_other(data: st.DataObject) -> None:
    size = data.draw(st.integers(1, MOST))
    old = data.draw(st.integers(1, size))
    proof = tree(size).consistency(old)
    assert consistent(old, ROOTS[old], size, ROOTS[size], proof)
    assert not consistent(old, leaf_hash(b"forged"), size, ROOTS[size], proof)
    assert not consistent(old, ROOTS[old], size, leaf_hash(b"forged"), proof)


@pytest.mark.parametrize(
    "ask", [lambda: tree(5).inclusion(5), lambda: tree(5).consistency(6), lambda: tree(5).root(6), lambda: tree(5).consistency(0)]
)
def test_what_a_tree_does_not_have_it_does_not_prove(ask) -> None:
    with pytest.raises(ValueError):
        ask()


def test_a_tile_that_is_not_whole_is_said() -> None:
    with pytest.raises(ValueError, match="lacks hashes"):
        Tree(200, lambda _level, _number: LEAVES[:100]).root()


@pytest.mark.parametrize(("size", "count"), [(3, 1), (-1, 0), (0, 1)])
def test_an_edge_that_cannot_be_is_refused(size: int, count: int) -> None:
    with pytest.raises(ValueError, match="does not have"):
        Edge(size, LEAVES[:count])
