"""A map proves what a name stands for, or that it is not there, and never both."""

from __future__ import annotations

import random
from dataclasses import replace

import pytest

from gateway.seal.keyed_map import NOTHING, KeyedMap, Path, check_path, key_commitment, name_of, value_of
from gateway.seal.merkle import ProofInvalid
from gateway.verify.verify import MatterMap, map_key_digest, map_leaf, map_name, map_value

KEY = bytes(range(32))


def made(count: int, chance: random.Random) -> dict[bytes, bytes]:
    return {name_of(KEY, f"mat_{n}"): value_of(n + 1, chance.randbytes(32)) for n in range(count)}


@pytest.mark.parametrize("count", [0, 1, 2, 3, 17, pytest.param(400, marks=pytest.mark.nightly)])
def test_every_name_is_proven_in_it_or_not(count: int) -> None:
    values = made(count, random.Random(count))
    grown = KeyedMap(values)
    for name in [*values, *(name_of(KEY, f"no_{n}") for n in range(40))]:
        path = grown.path(name)
        check_path(grown.root(), name, values.get(name), path)
        for lie in {None, bytes(32), *list(values.values())[:2]} - {values.get(name)}:
            with pytest.raises(ProofInvalid):
                check_path(grown.root(), name, lie, path)
            for other in (None, (name, bytes(32)), next(iter(values.items()), None)):
                with pytest.raises(ProofInvalid):
                    check_path(grown.root(), name, lie, replace(path, other=other))


def test_names_that_share_many_bits() -> None:
    near = [bytes(31) + bytes([n]) for n in (0, 1, 255)]
    values = dict.fromkeys(near, value_of(1, bytes(32)))
    grown = KeyedMap(values)
    for name in near:
        check_path(grown.root(), name, values[name], grown.path(name))
    assert len(grown.path(near[0]).beside) == 256
    absent = bytes(31) + b"\x02"
    check_path(grown.root(), absent, None, grown.path(absent))


def test_a_path_that_was_changed_leads_elsewhere() -> None:
    values = made(50, random.Random(1))
    grown, name = KeyedMap(values), name_of(KEY, "mat_7")
    path = grown.path(name)
    for place in range(len(path.beside)):
        beside = list(path.beside)
        beside[place] = bytes(31) + b"\x01"
        with pytest.raises(ProofInvalid):
            check_path(grown.root(), name, values[name], Path(tuple(beside)))
    for cut in (path.beside[1:], path.beside[:-1], (*path.beside, NOTHING), (NOTHING,) * 300):
        with pytest.raises(ProofInvalid):
            check_path(grown.root(), name, values[name], Path(tuple(cut)))


def test_the_verifier_s_growing_map_is_the_same() -> None:
    chance, growing, values = random.Random(2), MatterMap(), dict[bytes, bytes]()
    assert growing.root() == KeyedMap({}).root() == NOTHING
    for step in range(120):
        matter, count, last = f"mat_{chance.randrange(40)}", step + 1, chance.randbytes(32)
        values[name_of(KEY, matter)] = value_of(count, last)
        growing.put(map_name(KEY, matter), map_leaf(map_name(KEY, matter), map_value(count, last)))
        assert growing.root() == KeyedMap(values).root()
    assert map_key_digest(KEY) == key_commitment(KEY).hex()
