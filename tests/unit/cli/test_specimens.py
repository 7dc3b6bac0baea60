"""Specimens are the same for the same seed, and hold every secret they say they hold."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Iterator

import pytest
from PIL import Image

from gateway.app import built_in_formats, kinds_of
from gateway.cli.environment import offline_settings
from gateway.cli.specimens import specimens
from gateway.detect.text import classes_of
from gateway.intake import rules
from gateway.policy.answers import Answers
from gateway.policy.load import load_library
from tests.support.workbooks import cells

MADE = specimens(1)


def members(data: bytes) -> Iterator[bytes]:
    """What an archive holds."""
    if zipfile.is_zipfile(io.BytesIO(data)):
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            yield from (archive.read(name) for name in archive.namelist())


def test_the_same_seed_gives_the_same_bytes_and_another_seed_others() -> None:
    again, other = specimens(1), specimens(2)
    assert {kind: one.data for kind, one in again.originals.items()} == {k: o.data for k, o in MADE.originals.items()}
    assert all(other.originals[kind].data != one.data for kind, one in MADE.originals.items())


def test_every_listed_secret_stands_in_an_original_and_is_long_enough_to_be_searched() -> None:
    everything = b"".join(one.data + b"".join(members(one.data)) for one in MADE.originals.values())
    assert len(MADE.withheld_values) >= 40
    assert [value for value in MADE.withheld_values if value.encode("utf-8") not in everything] == []
    assert all(len(value.encode("utf-8")) >= 7 for value in MADE.withheld_values)


def test_tables_have_headers_in_three_languages_and_secrets_a_detector_knows() -> None:
    table = cells(MADE.originals["customer_list"].data)
    assert {"Kundenbetreuer", "End-user country", "最终用户"} <= set(table[0])
    assert {len(row) for row in table} == {25}
    assert {"EMAIL", "PHONE", "IBAN"} <= classes_of(cell for row in table[1:] for cell in row)


def test_the_photo_is_a_jpeg_that_tells_too_much() -> None:
    picture = Image.open(io.BytesIO(MADE.originals["production_photo"].data))
    exif = picture.getexif()
    assert exif.get_ifd(0x8825)[2][0] == 47.0, "a place"
    assert picture.info["comment"]
    assert picture.info["xmp"]
    assert b"\xff\xd8" in picture.info["exif"], "a thumbnail of the whole"


def test_answers_are_answers_and_regions_lie_in_the_photo() -> None:
    picture = Image.open(io.BytesIO(MADE.originals["production_photo"].data))
    titles = load_library().kind("production_photo").region_titles
    for name, (left, top, width, height) in MADE.regions:
        assert name in titles
        assert min(left, top) >= 0
        assert left + width <= picture.width
        assert top + height <= picture.height
    for told in MADE.answers.values():
        assert Answers.from_json(told).to_json() == told


def test_what_an_absent_extra_would_render_is_left_out_with_a_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gateway.cli.specimens.find_spec", lambda _name: None)
    made = specimens.__wrapped__(1)
    assert made.originals.keys() == MADE.originals.keys() - {"schematic", "line_video"}
    assert made.answers.keys() == made.originals.keys()
    assert [("schematic" in one, "`drawing`" in one) for one in made.left_out] == [(True, True), (False, False)]
    assert "line video" in made.left_out[1]


def test_there_is_an_original_of_every_medium_that_a_policy_is_shipped_for() -> None:
    library = load_library()
    media = {library.kind(kind).medium for policy in library.policies.values() for kind in policy.kinds}
    assert media == {library.kind(kind).medium for kind in MADE.originals}


def test_every_kind_is_taken_as_what_it_is() -> None:
    settings = offline_settings()
    taken = kinds_of(load_library(settings.policies_dir), built_in_formats(), settings)
    for kind, one in MADE.originals.items():
        assert taken[kind].type_of(one.data[: rules.HEAD_BYTES], kind) == one.media_type
