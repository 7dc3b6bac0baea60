"""A document with something in every hiding place: nothing of it travels, and the gate would stop the original."""

from __future__ import annotations

import random
import shutil
import subprocess
from pathlib import Path

import pytest

from gateway.render.model import State
from gateway.residue.gate import check
from gateway.residue.model import DocumentExpectation, WithheldSet, WithheldValue
from tests.corpus.documents import SHOWN, pdf
from tests.corpus.places import Hiding
from tests.support import journey
from tests.support.world import World

SEED = random.SystemRandom().randrange(1 << 32)


def text_of(pdf: bytes, folder: Path) -> str:
    """What another reader of PDFs than the gateway's two finds in it."""
    path = folder / "read.pdf"
    path.write_bytes(pdf)
    command = ["pdftotext", "-layout", str(path), "-"]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


@pytest.mark.skipif(shutil.which("pdftotext") is None, reason="pdftotext (poppler-utils) is not installed")
def test_nothing_that_hides_in_a_document_travels(own_world: World, tmp_path: Path) -> None:
    planted = pdf(Hiding(SEED, "pdf"))
    one = planted.original
    made = journey.dispatched(own_world, [one])
    rendition = own_world.gateway.renders.get(made.renditions[one.label].id)
    assert rendition.state is State.REVIEWED, f"seed {SEED}: {rendition.reason}"
    files = journey.files(journey.package(own_world, made.release))
    (released,) = (data for name, data in files.items() if name.startswith("files/"))
    assert released.startswith(b"%PDF-")
    said = text_of(released, tmp_path)
    assert SHOWN in said
    everything = [said, *(data.decode("latin-1") for data in files.values())]
    for place, secret in planted.secrets.items():
        assert not [text for text in everything if secret in text], f"seed {SEED}: {place}"


def test_the_gate_stops_the_original_whatever_is_said_of_it() -> None:
    planted = pdf(Hiding(SEED, "pdf"))
    expectation = DocumentExpectation(sizes_px=((1652, 2338),), boxes=((),), mark_text="nobody")
    withheld = WithheldSet(tuple(WithheldValue(secret, place) for place, secret in planted.secrets.items()))
    assert not check(planted.original.data, expectation, withheld).clean
