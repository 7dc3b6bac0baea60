"""A deflated stream is its content and nothing else: no byte and no bit behind it, and never more than was said."""

from __future__ import annotations

import random
import zlib

import pytest

from gateway.residue.deflate import inflate
from gateway.residue.jpeg import Broken
from gateway.residue.model import Kind

WINDOWS = {True: -zlib.MAX_WBITS, False: zlib.MAX_WBITS}
STRATEGIES = (zlib.Z_DEFAULT_STRATEGY, zlib.Z_RLE, zlib.Z_HUFFMAN_ONLY, zlib.Z_FIXED)
LARGEST = 4_000


def deflated(content: bytes, *, bare: bool, level: int = 6, strategy: int = zlib.Z_DEFAULT_STRATEGY) -> bytes:
    encoder = zlib.compressobj(level, zlib.DEFLATED, WINDOWS[bare], zlib.DEF_MEM_LEVEL, strategy)
    return encoder.compress(content) + encoder.flush()


def kind_of(stream: bytes, *, bare: bool, most_bytes: int = LARGEST) -> Kind:
    with pytest.raises(Broken) as caught:
        inflate(stream, most_bytes, "here", bare=bare)
    assert str(caught.value).startswith("here: ")
    return caught.value.finding.kind


@pytest.mark.parametrize("bare", [True, False])
@pytest.mark.parametrize("strategy", STRATEGIES)
def test_whatever_was_deflated_comes_back(bare: bool, strategy: int) -> None:
    dice = random.Random()
    for level in range(10):
        content = bytes(dice.choices(dice.randbytes(dice.randint(1, 256)), k=dice.randint(0, LARGEST)))
        stream = deflated(content, bare=bare, level=level, strategy=strategy)
        assert inflate(stream, LARGEST, "here", bare=bare) == content
        assert inflate(stream, len(content), "here", bare=bare) == content


@pytest.mark.parametrize("bare", [True, False])
def test_every_bit_behind_the_end_is_found(bare: bool) -> None:
    dice, tried = random.Random(), 0
    for _ in range(200):
        content = dice.randbytes(dice.randint(1, 9)) * dice.randint(1, 40)
        stream = deflated(content, bare=bare, strategy=dice.choice(STRATEGIES))
        last = len(stream) - (1 if bare else 5)
        for bit in range(8):
            changed = bytearray(stream)
            changed[last] ^= 1 << bit
            decoder = zlib.decompressobj(WINDOWS[bare])
            try:
                same = decoder.decompress(bytes(changed)) == content and decoder.eof
            except zlib.error:
                same = False
            if same:
                tried += 1
                assert kind_of(bytes(changed), bare=bare) is Kind.TRAILING
    assert tried > 200


@pytest.mark.parametrize("bare", [True, False])
def test_more_less_and_other_than_the_content_is_refused(bare: bool) -> None:
    content = b"content " * 50
    stream = deflated(content, bare=bare)
    assert kind_of(stream + b"x", bare=bare) is Kind.TRAILING
    assert kind_of(stream + bytes(9), bare=bare) is Kind.TRAILING
    assert kind_of(stream * 2, bare=bare) is Kind.TRAILING
    assert kind_of(stream, bare=bare, most_bytes=len(content) - 1) is Kind.STRUCTURE
    assert kind_of(b"\xff" * 20, bare=bare) is Kind.UNREADABLE
    for end in range(len(stream)):
        assert kind_of(stream[:end], bare=bare) in {Kind.STRUCTURE, Kind.UNREADABLE}, end


def test_a_bomb_gives_no_more_than_was_said() -> None:
    bomb = deflated(bytes(50_000_000), bare=True)
    assert kind_of(bomb, bare=True) is Kind.STRUCTURE
