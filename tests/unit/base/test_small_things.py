"""Ids, times and lines of text from outside."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest

from gateway.base import clock
from gateway.base.ids import is_id, new_id
from gateway.base.text import UnsafeText, clean_line, has_hidden


def test_ids_are_sortable_and_recognisable() -> None:
    ids = [new_id("mat") for _ in range(100)]
    assert len(set(ids)) == 100
    assert all(is_id(one, "mat") for one in ids)
    assert not is_id(ids[0], "rel")
    assert not is_id(ids[0] + "x", "mat")
    assert sorted(one[4:14] for one in ids) == [one[4:14] for one in ids]


def test_times_are_utc_with_milliseconds() -> None:
    there = datetime(2026, 1, 31, 9, 0, 0, 123456, timezone(timedelta(hours=1)))
    assert clock.to_text(there) == "2026-01-31T08:00:00.123Z"
    assert clock.from_text("2026-01-31T08:00:00.123Z") == datetime(2026, 1, 31, 8, 0, 0, 123000, UTC)
    with pytest.raises(ValueError, match="zone"):
        clock.to_text(datetime(2026, 1, 31))  # noqa: DTZ001 a time without a zone is what is refused


@pytest.mark.parametrize(
    "text",
    ["2026-01-31T08:00:00Z", "2026-01-31T08:00:00.123+00:00", "2026-W05-6T08:00:00.123Z", "2026-02-30T08:00:00.123Z"],
)
def test_another_form_of_a_time_is_not_read(text: str) -> None:
    with pytest.raises(ValueError, match=r"not a time|day is out of range"):
        clock.from_text(text)


def test_a_line_is_normalised() -> None:
    assert clean_line(" Zu\u0308rich ", what="name") == "Zürich"


@pytest.mark.parametrize("text", ["", "   ", "a\nb", "a\u202eb", "a\u200bb", "a\x00b", "x" * 201])
def test_a_line_with_tricks_is_refused_without_being_quoted(text: str) -> None:
    with pytest.raises(UnsafeText) as caught:
        clean_line(text, what="name")
    assert "name" in caught.value.detail
    assert not text.strip() or text not in caught.value.detail


@pytest.mark.parametrize(
    "point", [0xAD, 0x34F, 0x180E, 0x200B, 0x202E, 0x2064, 0x206A, 0x3164, 0xFE0F, 0xE0041, 0xE01EF]
)
def test_characters_that_show_nothing_are_told(point: int) -> None:
    """Tags and variation selectors carry a whole text behind one visible letter."""
    assert has_hidden(f"a{chr(point)}b")


@pytest.mark.parametrize("text", ["Zürich", "稀土出口", "naïve – “quoted” · 12 %", "ＡＢＣ", "कखग", "‘’…—"])
def test_what_is_seen_is_not_hidden(text: str) -> None:
    assert not has_hidden(text)
