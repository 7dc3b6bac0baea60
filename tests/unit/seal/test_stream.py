"""Round trips, Tink as the oracle in both directions, and every way a stored stream can differ."""

from __future__ import annotations

import hashlib
import io
import os
from collections.abc import Callable

import pytest
import tink
from hypothesis import given, settings
from hypothesis import strategies as st
from tink import cleartext_keyset_handle, streaming_aead
from tink.proto import aes_gcm_hkdf_streaming_pb2, common_pb2, tink_pb2

from gateway.seal import stream
from gateway.seal.stream import (
    HEADER_BYTES,
    SEGMENT_BYTES,
    TAG_BYTES,
    RangeReader,
    StreamTampered,
    StreamWriter,
    ciphertext_size,
)

KEY = bytes(range(32))
AAD = b'{"object":"obj_1"}'
FIRST = SEGMENT_BYTES - TAG_BYTES - HEADER_BYTES
LATER = SEGMENT_BYTES - TAG_BYTES
SIZES = [0, 1, FIRST - 1, FIRST, FIRST + 1, FIRST + LATER - 1, FIRST + LATER, FIRST + LATER + 1, 3 * SEGMENT_BYTES + 5]


def content(size: int) -> bytes:
    """Bytes without a period that a segment could hide behind."""
    return hashlib.shake_256(b"plaintext").digest(size)


def seal(data: bytes, *, key: bytes = KEY, aad: bytes = AAD, pieces: int | None = None) -> bytes:
    sealed = io.BytesIO()
    writer = StreamWriter(key, aad, sealed.write)
    step = pieces or max(1, len(data))
    for start in range(0, len(data), step):
        writer.write(data[start : start + step])
    writer.close()
    assert (writer.plaintext_bytes, writer.ciphertext_bytes) == (len(data), len(sealed.getvalue()))
    return sealed.getvalue()


def reader(sealed: bytes, size: int, *, key: bytes = KEY, aad: bytes = AAD) -> RangeReader:
    return RangeReader(key, aad, io.BytesIO(sealed), size)


def unseal(sealed: bytes, size: int, *, key: bytes = KEY, aad: bytes = AAD) -> bytes:
    return b"".join(reader(sealed, size, key=key, aad=aad).chunks())


def failure_of(act: Callable[[], object]) -> str:
    with pytest.raises(StreamTampered) as caught:
        act()
    return str(caught.value.members["failure"])


@pytest.fixture(scope="module")
def oracle() -> streaming_aead.StreamingAead:
    """Tink's own AES256_GCM_HKDF_1MB over `KEY`."""
    streaming_aead.register()
    key = aes_gcm_hkdf_streaming_pb2.AesGcmHkdfStreamingKey(key_value=KEY)
    key.params.ciphertext_segment_size = SEGMENT_BYTES
    key.params.derived_key_size = 32
    key.params.hkdf_hash_type = common_pb2.SHA256
    keyset = tink_pb2.Keyset(primary_key_id=1)
    entry = keyset.key.add(key_id=1, status=tink_pb2.ENABLED, output_prefix_type=tink_pb2.RAW)
    entry.key_data.type_url = "type.googleapis.com/google.crypto.tink.AesGcmHkdfStreamingKey"
    entry.key_data.value = key.SerializeToString()
    entry.key_data.key_material_type = tink_pb2.KeyData.SYMMETRIC
    handle = cleartext_keyset_handle.read(tink.BinaryKeysetReader(keyset.SerializeToString()))
    return handle.primitive(streaming_aead.StreamingAead)


class _Kept(io.BytesIO):
    """Survives being closed by Tink."""

    def close(self) -> None:
        self.kept = self.getvalue()
        super().close()


@pytest.mark.parametrize("size", SIZES)
def test_tink_opens_what_we_seal(oracle: streaming_aead.StreamingAead, size: int) -> None:
    data = content(size)
    with oracle.new_decrypting_stream(io.BytesIO(seal(data)), AAD) as opened:
        assert opened.read() == data


@pytest.mark.parametrize("size", SIZES)
def test_we_open_what_tink_seals(oracle: streaming_aead.StreamingAead, size: int) -> None:
    data, sealed = content(size), _Kept()
    with oracle.new_encrypting_stream(sealed, AAD) as sealing:
        sealing.write(data)
    assert len(sealed.kept) == ciphertext_size(size)
    assert unseal(sealed.kept, size) == data


@pytest.mark.parametrize("pieces", [1000, 65536, FIRST, LATER, SEGMENT_BYTES, 2 * SEGMENT_BYTES + 1])
def test_how_the_bytes_arrive_does_not_matter(monkeypatch: pytest.MonkeyPatch, pieces: int) -> None:
    monkeypatch.setattr(stream, "token_bytes", lambda n: b"\x07" * n)
    data = content(3 * SEGMENT_BYTES + 5)
    assert seal(data, pieces=pieces) == seal(data)


@settings(max_examples=40, deadline=None)
@given(
    size=st.one_of(st.integers(0, 300), st.sampled_from(SIZES)),
    cuts=st.lists(st.integers(1, SEGMENT_BYTES), max_size=6),
    offset=st.integers(0, 4 * SEGMENT_BYTES),
    length=st.integers(0, 2 * SEGMENT_BYTES),
)
def test_round_trip_in_any_pieces_and_ranges(size: int, cuts: list[int], offset: int, length: int) -> None:
    data, sealed = content(size), io.BytesIO()
    writer = StreamWriter(KEY, AAD, sealed.write)
    rest = memoryview(data)
    for cut in cuts:
        writer.write(rest[:cut])
        rest = rest[cut:]
    writer.write(bytearray(rest))
    writer.close()
    opened = reader(sealed.getvalue(), size)
    assert opened.read_range(offset, length) == data[offset : offset + length]
    pieces = list(opened.chunks(offset))
    assert b"".join(pieces) == data[offset:]
    assert all(0 < len(piece) <= SEGMENT_BYTES for piece in pieces)


def test_two_seals_of_the_same_bytes_share_nothing() -> None:
    one, two = seal(b"the same"), seal(b"the same")
    assert one[1:HEADER_BYTES] != two[1:HEADER_BYTES]
    assert one[HEADER_BYTES:] != two[HEADER_BYTES:]


def test_every_flipped_bit_of_a_small_stream_is_seen() -> None:
    sealed = seal(b"forty-two magnets")
    for position in range(len(sealed)):
        for bit in range(8):
            broken = bytearray(sealed)
            broken[position] ^= 1 << bit
            expected = "header" if position == 0 else "segment"
            assert failure_of(lambda broken=broken: unseal(bytes(broken), 17)) == expected  # type: ignore[misc]


def test_a_flipped_bit_anywhere_in_a_large_stream_is_seen_in_its_segment() -> None:
    size = 2 * SEGMENT_BYTES + 5
    sealed = seal(content(size))
    for position in (HEADER_BYTES, SEGMENT_BYTES - 1, SEGMENT_BYTES, 2 * SEGMENT_BYTES - 1, len(sealed) - 1):
        broken = bytearray(sealed)
        broken[position] ^= 0x10
        with pytest.raises(StreamTampered) as caught:
            unseal(bytes(broken), size)
        assert caught.value.members["segment"] == position // SEGMENT_BYTES


@pytest.mark.parametrize("kept", [0, 1, HEADER_BYTES, SEGMENT_BYTES, 2 * SEGMENT_BYTES, 2 * SEGMENT_BYTES + 20])
def test_truncation_is_seen_by_its_length(kept: int) -> None:
    size = 2 * SEGMENT_BYTES + 5
    assert failure_of(lambda: reader(seal(content(size))[:kept], size)) == "length"


def test_truncation_at_a_segment_border_is_seen_even_when_the_length_lies_too() -> None:
    sealed = seal(content(FIRST + LATER + 10))
    cut = sealed[: 2 * SEGMENT_BYTES]
    assert failure_of(lambda: unseal(cut, FIRST + LATER)) == "segment"


def test_a_stream_cut_to_nothing_is_seen_even_when_the_length_lies_too() -> None:
    assert failure_of(lambda: unseal(seal(b"abc")[: HEADER_BYTES + TAG_BYTES], 0)) == "segment"


def test_extension_is_seen() -> None:
    sealed = seal(b"abc")
    assert failure_of(lambda: reader(sealed + b"\0", 3)) == "length"
    assert failure_of(lambda: unseal(sealed + b"\0", 4)) == "segment"


def test_swapped_segments_are_seen() -> None:
    size = FIRST + 3 * LATER
    parts = [seal(content(size))[i * SEGMENT_BYTES : (i + 1) * SEGMENT_BYTES] for i in range(4)]
    swapped = parts[0] + parts[2] + parts[1] + parts[3]
    assert failure_of(lambda: reader(swapped, size).read_range(FIRST, 1)) == "segment"


def test_a_segment_of_another_stream_under_the_same_key_is_seen() -> None:
    size = FIRST + LATER
    one, other = seal(content(size)), seal(content(size))
    mixed = one[:SEGMENT_BYTES] + other[SEGMENT_BYTES:]
    assert failure_of(lambda: unseal(mixed, size)) == "segment"


@pytest.mark.parametrize(("key", "aad"), [(bytes(32), AAD), (KEY, b'{"object":"obj_2"}'), (KEY, b"")])
def test_another_key_or_context_opens_nothing(key: bytes, aad: bytes) -> None:
    sealed = seal(b"abc")
    assert failure_of(lambda: unseal(sealed, 3, key=key, aad=aad)) == "segment"


def test_a_source_that_shrinks_while_it_is_read_is_seen() -> None:
    source = io.BytesIO(seal(content(3 * SEGMENT_BYTES)))
    opened = RangeReader(KEY, AAD, source, 3 * SEGMENT_BYTES)
    source.truncate(SEGMENT_BYTES + 7)
    assert failure_of(lambda: opened.read_range(SEGMENT_BYTES, 10)) == "length"


def test_a_source_that_gives_few_bytes_at_a_time_is_read_whole() -> None:
    class Trickle(io.BytesIO):
        def read(self, size: int | None = -1) -> bytes:
            return super().read(min(size or 0, 100_000))

    data = content(SEGMENT_BYTES + 9)
    assert b"".join(RangeReader(KEY, AAD, Trickle(seal(data)), len(data)).chunks()) == data


def test_a_range_is_clipped_at_the_end_and_never_negative() -> None:
    opened = reader(seal(b"abcdef"), 6)
    assert opened.read_range(4, 100) == b"ef"
    assert opened.read_range(6, 1) == opened.read_range(100, 1) == opened.read_range(2, 0) == b""
    for offset, length in ((-1, 1), (0, -1)):
        with pytest.raises(ValueError, match="zero or more"):
            opened.read_range(offset, length)
    with pytest.raises(ValueError, match="negative"):
        reader(seal(b""), -1)


def test_a_failed_sink_closes_the_writer_so_that_no_nonce_is_used_twice() -> None:
    calls = []

    def sink(view: memoryview) -> None:
        calls.append(bytes(view))
        if len(calls) == 2:
            raise OSError(28, "full")

    writer = StreamWriter(KEY, AAD, sink)
    with pytest.raises(OSError, match="full"):
        writer.write(content(2 * SEGMENT_BYTES))
    with pytest.raises(ValueError, match="closed"):
        writer.write(b"other bytes")
    with pytest.raises(ValueError, match="closed"):
        writer.close()
    assert len(calls) == 2


def test_a_closed_writer_takes_nothing() -> None:
    writer = StreamWriter(KEY, AAD, lambda view: None)
    writer.close()
    for act in (writer.close, lambda: writer.write(b"x")):
        with pytest.raises(ValueError, match="closed"):
            act()


def test_the_counter_never_wraps(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stream, "_MAX_SEGMENTS", 1)
    writer = StreamWriter(KEY, AAD, lambda view: None)
    with pytest.raises(ValueError, match="count"):
        writer.write(content(3 * SEGMENT_BYTES))


def test_only_256_bit_keys_are_taken() -> None:
    with pytest.raises(ValueError, match="32 bytes"):
        StreamWriter(bytes(16), AAD, lambda view: None)


@pytest.mark.parametrize(("blocks", "held_bytes"), [(512, 2.5 * SEGMENT_BYTES), (1, 3 * (64 << 10))])
def test_the_writer_holds_two_segments_at_most_and_less_of_a_short_stream(blocks: int, held_bytes: float) -> None:
    import tracemalloc

    block = os.urandom(64 << 10)
    tracemalloc.start()
    try:
        writer = StreamWriter(KEY, AAD, lambda view: None)
        for _ in range(blocks):
            writer.write(block)
        writer.close()
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < held_bytes
