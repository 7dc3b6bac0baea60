"""The gate over JSON, XML and plain text of values: what the rebuild writes passes, whatever else is there does not."""

from __future__ import annotations

from typing import Any

import pytest

from gateway.formats.write_text import JSON, TEXT, WRITERS, XML, OutList, OutValue
from gateway.residue.gate import check
from gateway.residue.model import Kind, Report, StructuredExpectation, WithheldSet, WithheldValue

MARK = "赣州 <A&B> · rel_1 · 2026-01-31"
TITLES, FIELDS = ('Product "A"', "Mass [range]"), ("column/1", "column/4")
GROUP = (
    OutValue(TITLES[0], 'Servo & "drive"\nSV2'),
    OutList("list 1", ((OutValue(TITLES[1], "10 – <50"),), (OutValue(TITLES[1], "7", bare=True),))),
)
FLAT = (OutValue(TITLES[0], "Servo drive"), OutValue(TITLES[1], "10"), OutValue(TITLES[1], "7"))
KEPT = {media_type: GROUP if media_type != TEXT else FLAT for media_type in WRITERS}


def written(media_type: str) -> str:
    return WRITERS[media_type](KEPT[media_type], MARK)


def report(media_type: str, data: str | bytes, *withheld: str, **expected: Any) -> Report:
    told = {"titles": TITLES, "fields": FIELDS, "counts": (1, 2), "mark_text": MARK, **expected}
    values = tuple(WithheldValue(value, "column/4 row 1") for value in withheld)
    raw = data.encode() if isinstance(data, str) else data
    return check(raw, StructuredExpectation(media_type, **told), WithheldSet(values))


@pytest.mark.parametrize("media_type", list(WRITERS))
def test_what_is_written_passes(media_type: str) -> None:
    found = report(media_type, written(media_type), "Kowalski-48211", "9")
    assert found.clean
    assert set(found.passed) == {"structure", "mark", "headers", "values", "exact-place", "bounds"}


@pytest.mark.parametrize("media_type", list(WRITERS))
def test_another_mark_or_number_of_values_is_found(media_type: str) -> None:
    text = written(media_type)
    assert {one.kind for one in report(media_type, text, mark_text="B").findings} == {Kind.MARK}
    assert {one.kind for one in report(media_type, text, counts=(1, 3)).findings} == {Kind.ROWS}


@pytest.mark.parametrize("media_type", list(WRITERS))
def test_withheld_values_are_found(media_type: str) -> None:
    assert {one.kind for one in report(media_type, written(media_type), "Servo").findings} == {Kind.VALUE}
    assert {one.kind for one in report(media_type, written(media_type), "7").findings} == {Kind.EXACT_PLACE}


@pytest.mark.parametrize("number", ["4821153", "4.821153e6", "4821153.0", "48211530e-1"])
def test_a_number_is_the_same_however_it_is_written(number: str) -> None:
    text = WRITERS[JSON]((OutValue(TITLES[0], number, bare=True),), MARK)
    assert not report(JSON, text, "4.821.153", counts=(1, 0)).clean


@pytest.mark.parametrize(
    ("media_type", "old", "new"),
    [
        (JSON, "{\n", "{\n\n"),
        (JSON, "\n}\n", "\n}\n "),
        (JSON, "\n}\n", "\n}\n{}\n"),
        (JSON, "\n}\n", ',\n  "surprise": 1\n}\n'),
        (JSON, "7", "07"),
        (JSON, "Servo", "\\u0053ervo"),
        (JSON, "Servo", "Ser\u200bvo"),
        (JSON, "Servo", "Ser\\u200bvo"),
        (JSON, "list 1", "list x"),
        (JSON, "list 1", "list 01"),
        (JSON, '"_disclosure"', '"_disclosed"'),
        (JSON, "    {", '    {\n      "hidden": 1,'),
        (JSON, '"10 – <50"', '["10 – <50"]'),
        (JSON, '"10 – <50"', "NaN"),
        (JSON, '"10 – <50"', '"10 – <50",\n      "Mass [range]": "x"'),
        (XML, "<document>", "<!-- x -->\n<document>"),
        (XML, "<document>", "<?x y?>\n<document>"),
        (XML, "<document>", "<!DOCTYPE document>\n<document>"),
        (XML, "<document>", '<document xmlns:x="u:x">'),
        (XML, "</document>\n", "</document>\n<!-- x -->"),
        (XML, "</document>\n", "</document>\n\n"),
        (XML, "<item>", '<item id="1">'),
        (XML, "<item>", "<item>secret"),
        (XML, "Servo", "<![CDATA[Servo]]>"),
        (XML, "Servo", "&#83;ervo"),
        (XML, "<disclosure>", "<value name='x'/><disclosure>"),
        (XML, "</disclosure>", "</disclosure>\n  <disclosure>x</disclosure>"),
        (XML, 'name="list 1"', 'name="Lieferanten"'),
        (XML, 'name="Mass [range]"', 'name="Mass"'),
        (XML, 'encoding="UTF-8"', 'encoding="UTF-8" standalone="yes"'),
        (TEXT, "Servo drive\n", "Servo drive\nsecret line\n"),
        (TEXT, "Servo drive\n", "Servo drive\n\n"),
        (TEXT, "Servo drive\n", "Servo drive\r\n"),
        (TEXT, "2026-01-31\n", "2026-01-31\n\n"),
        (TEXT, "Product", " Product"),
    ],
)
def test_whatever_else_stands_there_is_found(media_type: str, old: str, new: str) -> None:
    text = written(media_type)
    assert old in text
    head, _, tail = text.rpartition(old)
    assert Kind.STRUCTURE in {one.kind for one in report(media_type, head + new + tail).findings}


@pytest.mark.parametrize("media_type", list(WRITERS))
def test_other_bytes_are_found_and_searched(media_type: str) -> None:
    for data in (b"", b"\xef\xbb\xbf" + written(media_type).encode(), b"\xff\xfe", b"Kowalski-48211", b"[" * 100_000):
        kinds = {one.kind for one in report(media_type, data, "Kowalski-48211").findings}
        assert Kind.STRUCTURE in kinds
        assert (b"Kowalski" in data) == (Kind.VALUE in kinds)
