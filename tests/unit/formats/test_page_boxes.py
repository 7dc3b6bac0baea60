"""Boxes on pages: over everything withheld, and with nothing in their size or surroundings that speaks of it."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.formats.model import Box, Page, Word
from gateway.formats.page_boxes import GRID_PX, Cover, Layout, lay_out
from tests.support.pages import A4_PX, LEFT_PT, RIGHT_PT, Line, page

FIRST = (
    "Jo",
    "Anna",
    "Maximilian",
    "Wei",
    "Bartholomew",
    "Li",
    "Friederike",
    "Émile",
    "Konstantin",
    "Ute",
    "Al",
    "Ray",
)
LAST = (
    "Ng",
    "Kowalski",
    "Li",
    "Oberhausen-Meier",
    "Wu",
    "Smith",
    "Featherstonehaugh",
    "Zhang",
    "Großmann",
    "Ives",
    "Ek",
)


def names() -> list[str]:
    """A thousand names of many widths."""
    rng = random.Random(7)
    found: dict[str, None] = {}
    while len(found) < 1000:
        found[f"{rng.choice(FIRST)} {rng.choice('ABCDEFGHIJKLMNOPQRSTUVW')}. {rng.choice(LAST)}"] = None
    return list(found)


def numbers_of(shown: Page, text: str) -> dict[int, str]:
    """The words of `text` where they stand side by side."""
    wanted = text.split(" ")
    words = [word.text for word in shown.words]
    starts = [at for at in range(len(words)) if words[at : at + len(wanted)] == wanted]
    return {at + step: "PD-MIN" for at in starts for step in range(len(wanted))}


def covered(lines: list[Line], secret: str) -> Layout:
    shown = page(lines)
    withheld = numbers_of(shown, secret)
    assert withheld
    return lay_out(shown, withheld, [])


BODY = [Line("The seller delivers the goods that Annex A lists to the buyer under this agreement,", 300),
        Line("and the buyer pays for them within thirty days of the day on which they arrive.", 314)]  # fmt: skip

PLACES = {
    "alone behind its label": lambda name: [*BODY, Line("Contact:", 400), Line(name, 400, 180)],
    "in the middle of a sentence": lambda name: [*BODY, Line(f"signed by {name} on behalf of the buyer", 400)],
    "at the start of a sentence": lambda name: [*BODY, Line(f"{name} signs on behalf of the buyer", 400)],
    "at the end of a sentence": lambda name: [*BODY, Line(f"on behalf of the buyer signs {name}", 400)],
    "in a column": lambda name: [
        *BODY, Line("Position", 386), Line("Name", 386, 150), Line("Town", 386, 380),
        Line("Buyer", 400), Line(name, 400, 150), Line("Hamburg", 400, 380),
    ],
    "right-aligned in a column": lambda name: [
        *BODY, Line("Position", 386), Line("Name", 386, 370, "right"), Line("Town", 386, 420),
        Line("Buyer", 400), Line(name, 400, 370, "right"), Line("Hamburg", 400, 420),
    ],
    "centred": lambda name: [Line(name, 120, 297, "centre", 16), *BODY],
    "right-aligned": lambda name: [Line(name, 120, RIGHT_PT, "right"), *BODY],
    "before something that follows it": lambda name: [
        *BODY, Line(name, 400), Line("born in Hamburg", 400, LEFT_PT + len(name) * 7 + 60),
    ],
}  # fmt: skip


@pytest.mark.parametrize("lines", PLACES.values(), ids=PLACES)
def test_the_box_over_a_thousand_names_has_at_most_three_widths_and_nothing_beside_it_moves(lines) -> None:  # type: ignore[no-untyped-def]
    boxes = set()
    rest = set()
    for name in names():
        layout = covered(lines(name), name)
        boxes.add(tuple((cover.box.left_px, cover.box.width_px) for cover in layout.covers))
        rest.add(tuple((text.text, text.box) for text in layout.texts if not text.text.startswith("[")))
    assert len({sum(width for _, width in one) for one in boxes}) <= 3
    assert len(rest) == 1


def test_what_follows_a_name_on_a_column_of_its_own_stays() -> None:
    layout = covered(PLACES["in a column"]("Jo Ng"), "Jo Ng")
    assert [text.text for text in layout.texts][-3:] == ["Buyer", "[withheld: PD-MIN]", "Hamburg"]


def test_what_follows_a_name_by_a_few_blanks_goes_with_it() -> None:
    layout = covered(PLACES["before something that follows it"]("Jo Ng"), "Jo Ng")
    assert [text.text for text in layout.texts][-1:] == ["[withheld: PD-MIN]"]
    assert not any("Hamburg" in text.text for text in layout.texts)


def test_a_sentence_is_shown_up_to_the_name_in_it() -> None:
    layout = covered(PLACES["in the middle of a sentence"]("Jo Ng"), "Jo Ng")
    assert [text.text for text in layout.texts][-2:] == ["signed by", "[withheld: PD-MIN]"]


def test_two_columns_of_text_do_not_cover_each_other() -> None:
    left = [Line(f"left column line {n} with text", 200 + 14 * n) for n in range(8)]
    right = [Line(f"right column line {n} of Kowalski", 205 + 14 * n, 320) for n in range(8)]
    shown = page([*left, *right])
    layout = lay_out(shown, numbers_of(shown, "Kowalski"), [])
    texts = [text.text for text in layout.texts]
    assert [text for text in texts if text.startswith("left")] == [line.text for line in left]
    assert texts.count("[withheld: PD-MIN]") == len(layout.covers) == 8


def test_a_region_takes_words_that_it_touches_and_the_rest_of_their_run() -> None:
    shown = page(BODY)
    word = shown.words[5].box
    layout = lay_out(shown, {}, [Cover(Box(word.left_px + 2, word.top_px + 5, 10, 6), "SECRET")])
    assert layout.texts[0].text == "The seller delivers the goods"
    assert layout.texts[1].text == "[withheld: SECRET]"
    assert layout.texts[-1].text == BODY[1].text


def test_a_region_over_no_word_grows_to_the_grid_and_no_farther() -> None:
    layout = lay_out(page(BODY), {}, [Cover(Box(203, 1501, 90, 91), "")])
    assert [cover.box for cover in layout.covers] == [Box(200, 1496, 96, 96)]
    assert [text.text for text in layout.texts][-1] == "[withheld]"


def test_a_region_beyond_the_page_is_cut_off() -> None:
    layout = lay_out(page([]), {}, [Cover(Box(1600, 2300, 500, 500), "A"), Cover(Box(5000, 10, 9, 9), "A")])
    assert [cover.box for cover in layout.covers] == [Box(1600, 2296, 54, 43)]


def test_text_that_runs_up_the_margin_is_covered_on_its_whole_way() -> None:
    body = page(BODY)
    upright = Word("CONFIDENTIAL", Box(40, 700, 30, 260))
    shown = Page(*A4_PX, (*body.words, upright))
    layout = lay_out(shown, {len(body.words): "A"}, [])
    (cover,) = layout.covers
    assert cover.box.top_px == 0
    assert cover.box.left_px <= 40
    assert cover.box.left_px + cover.box.width_px >= 70
    assert [text.text for text in layout.texts if not text.text.startswith("[")] == [line.text for line in BODY]


def test_chinese_words_side_by_side_are_joined_without_spaces() -> None:
    words = tuple(Word(text, Box(200 + 90 * at, 300, 90, 34)) for at, text in enumerate(("供应", "协议", "编号")))
    layout = lay_out(Page(*A4_PX, words), {}, [])
    assert [text.text for text in layout.texts] == ["供应协议编号"]


def test_slanted_words_whose_boxes_overlap_are_still_two() -> None:
    words = (Word("Delivery", Box(200, 300, 120, 34)), Word("term", Box(318, 300, 70, 34)))
    assert [text.text for text in lay_out(Page(*A4_PX, words), {}, []).texts] == ["Delivery term"]


PLACED = st.tuples(st.integers(0, 40), st.integers(0, 24), st.integers(1, 30))
WORDS = st.lists(PLACED, min_size=1, max_size=60, unique_by=lambda one: one[:2])


@given(
    placed=WORDS,
    chosen=st.sets(st.integers(0, 59), max_size=12),
    drawn=st.lists(st.tuples(*[st.integers(0, 1200)] * 2), max_size=3),
)
def test_whatever_is_withheld_lies_under_boxes_and_what_is_said_does_not(
    placed: list[tuple[int, int, int]], chosen: set[int], drawn: list[tuple[int, int]]
) -> None:
    words = tuple(
        Word(f"w{at}w", Box(40 * column, 42 * row, 12 * width, 34)) for at, (column, row, width) in enumerate(placed)
    )
    shown = Page(1700, 1200, words)
    withheld = {at: "A" for at in chosen if at < len(words)}
    regions = [Box(left, top, 70, 50) for left, top in drawn]
    layout = lay_out(shown, withheld, [Cover(region, "B") for region in regions])
    boxes = [cover.box for cover in layout.covers]
    for box in [words[at].box for at in withheld] + [
        region for region in regions if region.left_px < 1700 and region.top_px < 1200
    ]:
        assert any(_holds(outer, box) for outer in boxes), box
    for box in boxes:
        assert box.left_px % GRID_PX == box.top_px % GRID_PX == 0
        assert (box.left_px + box.width_px) % GRID_PX == 0 or box.left_px + box.width_px == 1700
        assert (box.top_px + box.height_px) % GRID_PX == 0 or box.top_px + box.height_px == 1200
    said = " ".join(text.text for text in layout.texts)
    for at in withheld:
        assert f"w{at}w" not in said
    for at, word in enumerate(words):
        if any(_holds(outer, word.box) for outer in boxes):
            assert f"w{at}w" not in said.split()


def _holds(outer: Box, inner: Box) -> bool:
    right = min(inner.left_px + inner.width_px, 1700)
    bottom = min(inner.top_px + inner.height_px, 1200)
    return (
        outer.left_px <= inner.left_px
        and outer.top_px <= inner.top_px
        and outer.left_px + outer.width_px >= right
        and outer.top_px + outer.height_px >= bottom
    )
