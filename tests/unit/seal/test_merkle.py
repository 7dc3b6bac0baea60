"""RFC 6962 trees: the known roots and paths, every small tree whole, and an independent implementation."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tlog_scales.tlog import ConsistencyProof, InclusionProof

from gateway.seal import merkle
from gateway.seal.merkle import ProofInvalid, Tree

VECTORS = json.loads((Path(__file__).parents[2] / "vectors" / "merkle" / "rfc6962.json").read_bytes())
LEAVES = [bytes.fromhex(leaf) for leaf in VECTORS["leaves"]]


def tree_of(count: int) -> Tree:
    return Tree(merkle.leaf_hash(b"%d" % number) for number in range(count))


def flipped(data: bytes, bit: int) -> bytes:
    broken = bytearray(data)
    broken[bit // 8] ^= 1 << bit % 8
    return bytes(broken)


@pytest.mark.parametrize("size", range(9))
def test_roots_are_the_known_ones(size: int) -> None:
    tree = Tree(map(merkle.leaf_hash, LEAVES[:size]))
    expected = VECTORS["roots"][size]
    assert merkle.root(LEAVES[:size]).hex() == expected
    assert merkle.root_at(size, tree).hex() == expected


@pytest.mark.parametrize("case", VECTORS["inclusion"])
def test_inclusion_paths_are_the_known_ones(case: dict[str, object]) -> None:
    index, size = int(str(case["index"])), int(str(case["size"]))
    tree = Tree(map(merkle.leaf_hash, LEAVES))
    assert [node.hex() for node in merkle.inclusion_proof(index, size, tree)] == case["proof"]


@pytest.mark.parametrize("case", VECTORS["consistency"])
def test_consistency_paths_are_the_known_ones(case: dict[str, object]) -> None:
    old, new = int(str(case["old"])), int(str(case["new"]))
    tree = Tree(map(merkle.leaf_hash, LEAVES))
    assert [node.hex() for node in merkle.consistency_proof(old, new, tree)] == case["proof"]


def test_every_proof_of_every_small_tree_holds_here_and_elsewhere() -> None:
    tree = tree_of(40)
    for size in range(1, 41):
        root = merkle.root_at(size, tree)
        for index in range(size):
            proof = merkle.inclusion_proof(index, size, tree)
            merkle.check_inclusion(index, size, tree(0, index), proof, root)
            InclusionProof(index, size, proof).check(tree(0, index), root)
        for old in range(size + 1):
            proof = merkle.consistency_proof(old, size, tree)
            merkle.check_consistency(old, size, merkle.root_at(old, tree), root, proof)
            ConsistencyProof(old, size, proof).check(merkle.root_at(old, tree), root)


@given(st.integers(2, 200), st.data())
def test_a_proof_of_something_else_is_refused(size: int, data: st.DataObject) -> None:
    index = data.draw(st.integers(0, size - 1))
    tree = tree_of(size)
    root, leaf = merkle.root_at(size, tree), tree(0, index)
    proof = merkle.inclusion_proof(index, size, tree)
    place, bit = data.draw(st.integers(0, len(proof) - 1)), data.draw(st.integers(0, 255))
    broken = [*proof[:place], flipped(proof[place], bit), *proof[place + 1 :]]
    wrong = [
        (index, size, leaf, broken, root),
        (index, size, flipped(leaf, bit), proof, root),
        (index, size, leaf, proof, flipped(root, bit)),
        (index, size, leaf, proof[:-1], root),
        (index, size, leaf, [*proof, root], root),
        (index ^ 1, size, leaf, proof, root),
        (size, size, leaf, proof, root),
        (-1, size, leaf, proof, root),
    ]
    for case in wrong:
        with pytest.raises(ProofInvalid):
            merkle.check_inclusion(*case)


@given(st.integers(2, 200), st.data())
def test_a_tree_that_does_not_continue_another_is_refused(new: int, data: st.DataObject) -> None:
    old = data.draw(st.integers(1, new - 1))
    tree = tree_of(new)
    was, now = merkle.root_at(old, tree), merkle.root_at(new, tree)
    proof = merkle.consistency_proof(old, new, tree)
    place, bit = data.draw(st.integers(0, len(proof) - 1)), data.draw(st.integers(0, 255))
    broken = [*proof[:place], flipped(proof[place], bit), *proof[place + 1 :]]
    wrong = [
        (old, new, was, now, broken),
        (old, new, flipped(was, bit), now, proof),
        (old, new, was, flipped(now, bit), proof),
        (old, new, was, now, proof[:-1]),
        (old, new, was, now, [*proof, was]),
        (old, new, was, now, []),
        (new, old, now, was, proof),
        (old, old, was, now, []),
        (0, new, was, now, []),
        (0, new, merkle.EMPTY_ROOT, now, proof),
    ]
    for case in wrong:
        with pytest.raises(ProofInvalid):
            merkle.check_consistency(*case)


def test_proofs_of_what_is_not_there_are_refused() -> None:
    tree = tree_of(4)
    for index, size in ((4, 4), (-1, 4), (0, 0)):
        with pytest.raises(ProofInvalid):
            merkle.inclusion_proof(index, size, tree)
    for old, new in ((5, 4), (-1, 4)):
        with pytest.raises(ProofInvalid):
            merkle.consistency_proof(old, new, tree)


def test_a_stream_of_leaves_has_the_root_of_the_tree() -> None:
    peaks, tree = merkle.Peaks(), tree_of(100)
    assert peaks.root() == merkle.EMPTY_ROOT
    for size in range(1, 101):
        peaks.append(tree(0, size - 1))
        assert peaks.root() == merkle.root_at(size, tree)


@given(st.integers(0, 100), st.integers(0, 100))
def test_a_stream_continues_a_stored_tree(start: int, more: int) -> None:
    tree = tree_of(start + more)
    peaks = merkle.Peaks.at(start, tree)
    for index in range(start, start + more):
        peaks.append(tree(0, index))
    assert (peaks.size, peaks.root()) == (start + more, merkle.root_at(start + more, tree))
