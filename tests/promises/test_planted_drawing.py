"""Drawings with something in every hiding place. Nothing of it travels: not a word, and not a pixel either.

The strongest thing that can be said of a withheld value is that the rendition does not depend on it. So every drawing
is planted twice, with other secrets in the same places, and both must come out as the same bytes.
"""

from __future__ import annotations

import hashlib
import random
import re
import zlib
from collections.abc import Iterator
from datetime import date

import pytest

from gateway.app import COLD_TASKS, SANDBOX_TASKS
from gateway.detect.text import classes_of
from gateway.formats.drawing import DXF, SVG, DrawingFormat
from gateway.formats.model import Box, Mark
from gateway.policy.answers import Answers, Region
from gateway.policy.conditions import Context
from gateway.policy.load import load_library
from gateway.render.model import Outcome, State
from gateway.render.pipeline import Job, render
from gateway.residue.gate import check_foreign
from gateway.residue.model import UnknownRendition, WithheldSet, WithheldValue
from gateway.sandbox.process import ProcessSandbox
from tests.support.planted_drawing import DXF_PLACES, SVG_PLACES, Secret, planted_dxf, planted_svg

SEED = random.SystemRandom().randrange(1 << 32)
LIBRARY = load_library()
CONTEXT = Context({"recipient.class": "authority", "recipient.hop": "2", "purpose": "export_licence"})


def secrets_of(round_: int) -> Secret:
    """Twelve letters for each place that stand nowhere else; others in each round."""

    def secret(place: str) -> str:
        letters = hashlib.sha256(f"{SEED}/{round_}/{place}".encode()).digest()
        return "Q" + "".join(chr(ord("a") + octet % 26) for octet in letters[:11])

    return secret


ORIGINALS = {DXF: (planted_dxf, DXF_PLACES), SVG: (planted_svg, SVG_PLACES)}


@pytest.fixture(scope="module")
def sandbox() -> Iterator[ProcessSandbox]:
    walls = ProcessSandbox(SANDBOX_TASKS, cold=COLD_TASKS)
    yield walls
    walls.close()


def rendered(media_type: str, round_: int, sandbox: ProcessSandbox) -> Outcome:
    secret = secrets_of(round_)
    make, _ = ORIGINALS[media_type]
    answers = Answers(regions=(Region("person", Box(100, 100, 200, 90)),), terms=(secret("term"),), confirmed=True)
    job = Job(
        untrusted_original=make(secret),
        media_type=media_type,
        file_name=f"{secret('file name')}.dxf",
        form=DrawingFormat(classes_of),
        kind=LIBRARY.kind("schematic"),
        policy=LIBRARY.policy("cn-mofcom-single.schematic@1"),
        context=CONTEXT,
        on=date(2026, 3, 2),
        answers=answers,
        mark=Mark("Baotou Rare Earth Supply Co.", "rel_01k7m3v9q2x8d4n6b5t1c0zhep", "2026-03-02"),
        secret=bytes(32),
        statements=LIBRARY.statements,
    )
    return render(job, sandbox)


def inflated(pdf: bytes) -> bytes:
    """The file with every deflated stream unpacked beside it."""
    streams = re.findall(rb"stream\n(.*?)\nendstream", pdf, re.DOTALL)
    found = [pdf]
    for one in streams:
        try:
            found.append(zlib.decompress(one))
        except zlib.error:
            continue
    return b"\n".join(found)


@pytest.mark.parametrize("media_type", [DXF, SVG])
def test_nothing_that_hides_in_a_drawing_changes_what_leaves(media_type: str, sandbox: ProcessSandbox) -> None:
    one, other = (rendered(media_type, round_, sandbox) for round_ in (1, 2))
    for outcome in (one, other):
        assert outcome.state is State.CLEAN, f"seed {SEED}: {outcome.reason} {outcome.report}"
    assert one.rebuilt is not None
    assert other.rebuilt is not None
    assert one.rebuilt.data == other.rebuilt.data, f"seed {SEED}"
    assert one.withheld is not None
    known = "\n".join(value.text for value in one.withheld.values)
    everything = (
        inflated(one.rebuilt.data).decode("latin-1") + str(one.index) + str(one.decisions and one.decisions.to_json())
    )
    for place in ORIGINALS[media_type][1]:
        secret = secrets_of(1)(place)
        assert secret not in everything, f"seed {SEED}: {place}"
        # The gate searched for it, unless the policy allows the text and only nobody sees it.
        assert secret in known or place == "under a wipeout", f"seed {SEED}: {place}"


@pytest.mark.parametrize("media_type", [DXF, SVG])
def test_the_original_itself_would_not_pass_the_gate(media_type: str) -> None:
    make, places = ORIGINALS[media_type]
    secret = secrets_of(1)
    withheld = WithheldSet(tuple(WithheldValue(secret(place), place) for place in places))
    data = make(secret)
    with pytest.raises(UnknownRendition):
        check_foreign(data, media_type, withheld)
    assert not check_foreign(data, "text/plain", withheld).clean
