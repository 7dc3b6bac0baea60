"""Other people's trees over random logs: the same roots and proofs, and ours accepted, as ours accepts theirs."""

from __future__ import annotations

import json
import random
import subprocess
import tempfile
import venv
from dataclasses import dataclass
from pathlib import Path

import pytest
from tlog_scales.reader import TilesReader
from tlog_scales.tlog import ConsistencyProof, InclusionProof

from gateway.seal import merkle
from gateway.seal.merkle import Tree

ORACLE = "pymerkle==7.0.0"
SCRIPT = """
import json, sys
from pymerkle import InmemoryTree

for line in sys.stdin:
    leaves, index, old = json.loads(line)
    tree = InmemoryTree(algorithm="sha256")
    for leaf in leaves:
        tree.append_entry(bytes.fromhex(leaf))
    size = len(leaves)
    path = tree.prove_inclusion(index + 1, size).serialize()["path"]
    told = [tree.get_root(size).hex(), tree.get_root(old).hex(), path]
    print(json.dumps(told))
"""


@dataclass(frozen=True)
class Case:
    """A log, one of its entries, and an earlier size of it."""

    leaves: list[bytes]
    index: int
    old: int

    @property
    def tree(self) -> Tree:
        return Tree(map(merkle.leaf_hash, self.leaves))


def cases(count: int, longest: int) -> list[Case]:
    """Random logs, the same in each run; sizes around the powers of two, where trees change their form, come often."""
    draw = random.Random(count)
    made = []
    for _ in range(count):
        near = 2 ** draw.randrange(longest.bit_length()) + draw.randrange(-1, 2)
        size = min(longest, max(1, draw.choice((near, draw.randrange(1, longest + 1)))))
        leaves = [draw.randbytes(draw.randrange(40)) for _ in range(size)]
        made.append(Case(leaves, draw.randrange(size), draw.randrange(1, size + 1)))
    return made


class Tiles:
    """A log's tree as C2SP tiles: what a static server of files would answer."""

    def __init__(self, tree: Tree) -> None:
        self.tree = tree

    def get(self, *path: str) -> bytes | None:
        _tile, level, *number = path
        width = 256
        if number[-2:-1] and number[-2].endswith(".p"):
            width = int(number.pop())
        place = int("".join(number).removesuffix(".p").replace("x", ""))
        hashes = (self.tree(8 * int(level), 256 * place + at) for at in range(width))
        try:
            return b"".join(hashes)
        except IndexError:
            return None


@pytest.mark.parametrize("count", [100, pytest.param(10_000, marks=pytest.mark.nightly)])
def test_tlog_scales_finds_the_same_roots_and_proofs_in_our_tiles(count: int) -> None:
    for case in cases(count, 600):
        tree, size = case.tree, len(case.leaves)
        reader = TilesReader(Tiles(tree))
        reader.set_size(size)
        root, was = merkle.root_at(size, tree), merkle.root_at(case.old, tree)
        assert reader.calculate_root_hash() == root == merkle.root(case.leaves)
        hashed = merkle.leaf_hash(case.leaves[case.index])

        proof = merkle.inclusion_proof(case.index, size, tree)
        InclusionProof(case.index, size, proof).check(hashed, root)
        assert reader.get_inclusion_proof(case.index, size).node_hashes == proof
        merkle.check_inclusion(case.index, size, hashed, proof, root)

        path = merkle.consistency_proof(case.old, size, tree)
        ConsistencyProof(case.old, size, path).check(was, root)
        assert reader.get_consistency_proof(case.old, size).node_hashes == path
        merkle.check_consistency(case.old, size, was, root, path)


@pytest.fixture(scope="module")
def pymerkle() -> Path:
    """A Python with pymerkle, in an environment of its own: made once on a machine, kept between runs."""
    folder = Path(tempfile.gettempdir()) / f"disclosure-gateway-oracle-{ORACLE.replace('==', '-')}"
    python, done = folder / "bin" / "python", folder / "installed"
    if not done.exists():
        venv.create(folder, with_pip=True, clear=True)
        command = [str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", ORACLE]
        ran = subprocess.run(command, capture_output=True, text=True, timeout=200, check=False)
        if ran.returncode:
            pytest.skip(f"pip could not install {ORACLE}: its registry is not within reach")
        done.touch()
    return python


@pytest.mark.nightly
def test_pymerkle_finds_the_same_roots_and_paths(pymerkle: Path) -> None:
    """Its proofs of consistency are of a form of its own, so that only the two roots are compared."""
    made = cases(10_000, 70)
    asked = "\n".join(json.dumps([[leaf.hex() for leaf in case.leaves], case.index, case.old]) for case in made)
    ran = subprocess.run(
        [str(pymerkle), "-c", SCRIPT], input=asked, capture_output=True, text=True, timeout=250, check=True
    )
    for case, line in zip(made, ran.stdout.splitlines(), strict=True):
        tree, size = case.tree, len(case.leaves)
        root, was, path = json.loads(line)
        assert (root, was) == (merkle.root_at(size, tree).hex(), merkle.root_at(case.old, tree).hex())
        # Its path holds the entry as well, and has an order of its own.
        nodes = [merkle.leaf_hash(case.leaves[case.index]), *merkle.inclusion_proof(case.index, size, tree)]
        assert sorted(path) == sorted(node.hex() for node in nodes), case
