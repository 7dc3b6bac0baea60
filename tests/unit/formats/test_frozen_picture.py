"""The PNG of a few pixels, frozen: the same rows in this version and in the next, and each broken one fails by name."""

from __future__ import annotations

import io
import json
import struct
import zlib
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from gateway.formats import pixels
from gateway.formats.picture import PARSE_TASK, PictureFormat
from gateway.formats.problems import PictureRefused
from gateway.sandbox.process import ProcessSandbox

FOLDER = Path(__file__).parents[2] / "vectors" / "picture"
FROZEN = (FOLDER / "tiny.png").read_bytes()
BROKEN = json.loads((FOLDER / "broken.json").read_text("ascii"))
PIXELS = (np.arange(4 * 5 * 3) * 37 % 256).astype(np.uint8).reshape(4, 5, 3)


@pytest.fixture(scope="module")
def sandbox() -> Iterator[ProcessSandbox]:
    running = ProcessSandbox((PARSE_TASK,))
    yield running
    running.close()


def chunks(png: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Kind and body of each chunk; of the pixels the rows and not their compression, which may get better."""
    at = 8
    while at < len(png):
        (length,) = struct.unpack(">I", png[at : at + 4])
        kind, body = png[at + 4 : at + 8], png[at + 8 : at + 8 + length]
        assert struct.unpack(">I", png[at + 8 + length : at + 12 + length]) == (zlib.crc32(kind + body),)
        yield kind, zlib.decompress(body) if kind == b"IDAT" else body
        at += 12 + length


def test_the_bytes_are_the_frozen_ones() -> None:
    made = pixels.png(PIXELS)
    assert made[:8] == FROZEN[:8]
    assert list(chunks(made)) == list(chunks(FROZEN))


def test_another_reader_finds_the_pixels() -> None:
    with Image.open(io.BytesIO(FROZEN)) as opened:
        assert np.array_equal(np.asarray(opened), PIXELS)


def test_the_frozen_one_is_read(sandbox: ProcessSandbox) -> None:
    assert PictureFormat().read(FROZEN, "image/png", sandbox).rgb == PIXELS.tobytes()


@pytest.mark.parametrize("name", BROKEN)
def test_a_broken_one_is_refused_by_name(sandbox: ProcessSandbox, name: str) -> None:
    told = BROKEN[name]
    data = bytearray.fromhex(told["bytes"])
    with pytest.raises(PictureRefused, match=told["says"]):
        PictureFormat().read(bytes(data), "image/png", sandbox)
