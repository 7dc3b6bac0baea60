"""The proof that redaction holds: fresh secrets in every hiding place of every format, and none of them comes out.

CORPUS_SEED repeats a run; every failure names its seed.
"""

from __future__ import annotations

import json
import os
import random
import re
import shutil
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

from gateway.render.model import Outcome, State
from tests.corpus import search
from tests.corpus.drawings import DRAWINGS
from tests.corpus.formats import LABELS, planted
from tests.corpus.places import Specimen
from tests.corpus.product import rendered, walls

ROOT = Path(__file__).resolve().parents[2]
SEED = int(os.environ.get("CORPUS_SEED") or random.SystemRandom().randrange(1 << 32))
CLEAN_ROUNDS = 3
# What is not written in the bytes of the original: its name, and what only its pixels show.
UNWRITTEN = re.compile(r"name of the file|words .*")

# Of these words the ones that can be seen as the file opens: the others are in later frames and pages.
SEEN = ("words in", "words outside", "words on a covered")

# One format for each check that the gate has; the others are bypassed every night, place by place.
DIFFERENT = ("csv", "xlsx", "ods", "jpeg", "png", "pdf", "docx, as DOCX", "mp4", "json", "xml", "txt")
PAPERS = ("pdf", "docx", "eml", "dxf")

pytestmark = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="rendering needs Linux")
needs_exiftool = pytest.mark.skipif(
    shutil.which("exiftool") is None, reason="exiftool (libimage-exiftool-perl) is not installed"
)
needs_qpdf = pytest.mark.skipif(shutil.which("qpdf") is None, reason="qpdf is not installed")
# Drawing a sheet takes long: one format of them at every push.
SLOW = frozenset(DRAWINGS) - {"dxf"}
each_format = pytest.mark.parametrize(
    "label", [pytest.param(label, marks=pytest.mark.nightly) if label in SLOW else label for label in LABELS]
)


@pytest.fixture(scope="module", autouse=True)
def _told() -> Iterator[None]:
    sys.stdout.write(f"corpus seed {SEED}\n")
    yield
    walls().close()


@cache
def specimen(label: str) -> Specimen:
    return planted(label, SEED, walls())


@cache
def outcome(label: str) -> Outcome:
    return rendered(specimen(label).original, seed=SEED, output=specimen(label).output)


def released(label: str) -> tuple[bytes, str]:
    """The rendition's bytes and type."""
    made = outcome(label)
    assert (made.state, made.reason) == (State.CLEAN, None), f"seed {SEED}"
    assert made.rebuilt is not None
    return made.rebuilt.data, made.rebuilt.media_type


def written(label: str, folder: Path) -> Path:
    """The rendition as a file of its type."""
    data, media_type = released(label)
    path = folder / f"rendition.{search.EXTENSIONS[media_type]}"
    path.write_bytes(data)
    return path


def test_there_are_enough_formats_and_hiding_places_and_no_two_share_a_secret() -> None:
    secrets = [secret for label in LABELS for secret in specimen(label).secrets.values()]
    assert len(LABELS) >= 24
    assert len({place for label in LABELS for place in specimen(label).secrets}) >= 390
    assert len(set(secrets)) == len(secrets)


@each_format
def test_the_search_finds_every_secret_in_the_original(label: str) -> None:
    """Or it would prove nothing that it finds none in the rendition."""
    one = specimen(label)
    missed = one.secrets.keys() - search.survivors(one.original.data, one.secrets).keys()
    assert not [place for place in missed if not UNWRITTEN.fullmatch(place)], f"seed {SEED}"
    assert not one.pixels or search.loud_pixels(one.original.data) > 10_000


@each_format
def test_no_secret_survives_and_what_may_be_seen_does(label: str) -> None:
    one, (data, media_type) = specimen(label), released(label)
    assert search.survivors(data, one.secrets, media_type) == {}, f"seed {SEED}"
    if one.pixels:
        assert search.loud_pixels(data) == 0, f"seed {SEED}"
    elif one.shown is not None:
        assert search.survivors(data, {"shown": one.shown}, media_type), f"seed {SEED}"
    search.require_ended(data, media_type)


@each_format
def test_what_is_said_beside_the_rendition_tells_no_secret_either(label: str) -> None:
    made = outcome(label)
    assert made.report is not None
    told = json.dumps([list(made.index), made.report.to_json(), dict(made.rebuilt.redactions) if made.rebuilt else {}])
    assert search.survivors(told.encode(), specimen(label).secrets) == {}, f"seed {SEED}"


@needs_exiftool
@each_format
def test_a_metadata_reader_finds_nothing_but_what_is_on_the_list(label: str, tmp_path: Path) -> None:
    path = written(label, tmp_path)
    tags = search.told_by_exiftool(path)
    assert search.named_in(" ".join(tags.values()), specimen(label).secrets) == set(), f"seed {SEED}"
    allowed = allowed_tags()[path.suffix.removeprefix(".").upper()]
    assert [tag for tag in tags if not any(re.fullmatch(one, tag) for one in allowed)] == []


@needs_qpdf
@pytest.mark.parametrize("label", PAPERS)
def test_a_document_is_sound(label: str, tmp_path: Path) -> None:
    search.require_sound_pdf(written(label, tmp_path))


@pytest.mark.parametrize("label", DIFFERENT)
def test_with_the_rebuild_bypassed_the_gate_blocks_the_original(label: str) -> None:
    one = specimen(label)
    made = rendered(one.original, seed=SEED, bypassed=True, output=one.output)
    assert made.state is State.BLOCKED, f"seed {SEED}: {made.reason}"
    assert made.report is not None
    kinds = {finding.kind.value for finding in made.report.findings}
    assert any(kind.startswith("withheld-") for kind in kinds), f"seed {SEED}: blocked for its structure alone"
    told = " ".join(finding.place for finding in made.report.findings)
    assert search.named_in(told, one.secrets) == set(), "a finding gives away what it found"


@pytest.mark.nightly
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("label", [label for label in LABELS if ", as P" not in label])
def test_with_the_rebuild_bypassed_the_gate_blocks_each_hiding_place_alone(label: str) -> None:
    passed = []
    for place in specimen(label).secrets:
        one = planted(label, SEED, walls(), only=place)
        assert list(one.secrets) == [place]
        if rendered(one.original, seed=SEED, bypassed=True, output=one.output).state is not State.BLOCKED:
            passed.append(place)
    assert passed == [], f"seed {SEED}"


@pytest.mark.nightly
@pytest.mark.timeout(1800)
def test_over_many_clean_renditions_the_gate_blocks_none() -> None:
    blocked = []
    for seed in range(SEED + 1, SEED + 1 + CLEAN_ROUNDS):
        for label in LABELS:
            one = planted(label, seed, walls())
            made = rendered(one.original, seed=seed, output=one.output)
            data = made.rebuilt.data if made.rebuilt else b""
            if made.state is not State.CLEAN or search.survivors(data, one.secrets):
                blocked.append((label, seed, made.reason))
    assert CLEAN_ROUNDS * len(LABELS) >= 60
    assert blocked == []


@pytest.mark.nightly
@pytest.mark.timeout(1800)
@each_format
def test_no_secret_can_be_read_in_the_pixels(label: str, tmp_path: Path) -> None:
    """Though letters are recognised: the small ones of the mark, and in the original all that are hidden."""
    pytest.importorskip("rapidocr", reason="the extra `detect` is not installed")
    one, (data, media_type) = specimen(label), released(label)
    if media_type not in {search.JPEG, search.PNG, search.PDF, search.MP4}:
        pytest.skip("a rendition of text has no pixels")
    text = search.seen(data, media_type, tmp_path)
    assert [place for place, secret in one.secrets.items() if search.nearly_in(secret, text)] == [], f"seed {SEED}"
    assert search.nearly_in("2026-03-02", text, wrong=0), "not even the mark can be read"
    drawn = {place: secret for place, secret in one.secrets.items() if place.startswith(SEEN)}
    assert drawn or not one.pixels
    if drawn:
        before = search.seen(one.original.data, media_type, tmp_path)
        assert [place for place, secret in drawn.items() if not search.nearly_in(secret, before)] == []


@cache
def allowed_tags() -> dict[str, tuple[str, ...]]:
    """The list in the documentation: extension → patterns of tags, of which every file may show its sort."""
    page = (ROOT / "docs" / "residue.md").read_text("utf-8").partition("## What a metadata reader finds")[2]
    rows = re.findall(r"^\| ([A-Z0-9, ]+) \| (.+) \|$", page.partition("\n## ")[0], re.MULTILINE)
    lists = {
        name: [re.escape(tag).replace(r"\*", ".*") for tag in re.findall(r"`([^`]+)`", tags)]
        for names, tags in rows
        for name in names.split(", ")
    }
    return {name: (*tags, *lists["ALL"]) for name, tags in lists.items()}
