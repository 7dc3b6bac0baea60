"""Whatever somebody sends as a leak is laid over a ground or is not found; it never breaks what looks at it."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from gateway.base.canon import Json
from gateway.marks import fingerprint
from gateway.trace.align import align
from tests.support import leaks

SIZE_PX = (240, 180)


@pytest.fixture(scope="module")
def ground() -> NDArray[np.uint8]:
    return fingerprint.ground_of(np.asarray(leaks.photograph(4, SIZE_PX)))


def found(leak: NDArray[np.uint8], ground: NDArray[np.uint8]) -> tuple[list[object], list[bytes]]:
    request: dict[str, Json] = {
        "leak_px": [leak.shape[1], leak.shape[0]],
        "grounds_px": [[ground.shape[1], ground.shape[0]]],
    }
    header, blobs = align(request, leak.tobytes() + ground.tobytes())
    told = header["found"]
    assert isinstance(told, list)
    return told, [bytes(one) for one in blobs]


@pytest.mark.parametrize("shape", [(1, 1), (1, 3000), (7, 500)])
@pytest.mark.parametrize("fill", ["black", "noise"])
def test_leaks_that_show_nothing_are_not_found(shape: tuple[int, int], fill: str, ground: NDArray[np.uint8]) -> None:
    random = np.random.Generator(np.random.PCG64(1))
    levels = random.integers(0, 256 if fill == "noise" else 1, (*shape, 3), dtype=np.uint8)
    assert found(levels, ground) == ([], [])


def test_a_mirrored_leak_is_found_and_its_differences_are_finite(ground: NDArray[np.uint8]) -> None:
    shown = np.ascontiguousarray(np.asarray(leaks.photograph(4, SIZE_PX))[:, ::-1])
    (told,), (over, *differences) = found(shown, ground)
    assert isinstance(told, list)
    assert told[0] == 0
    assert told[2] is True
    assert len(over) == ground.size
    across, down = fingerprint.grid_of(SIZE_PX)
    for one in differences:
        cells = np.frombuffer(one, "<f4")
        assert cells.shape == (across * down,)
        assert np.isfinite(cells).all()
