from __future__ import annotations

import string
import unicodedata

from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.residue import search
from gateway.residue.fold import JOINT, bits, fold, fold_many, to_symbols
from gateway.residue.search import Patterns

_SMALL = st.text(alphabet="abé子", min_size=0, max_size=60)


@settings(deadline=None)
@given(text=_SMALL, patterns=st.lists(st.text(alphabet="abé子", min_size=2, max_size=12), max_size=12))
def test_finds_what_a_plain_search_finds(text: str, patterns: list[str]) -> None:
    expected = {
        (start, start + len(pattern), pattern)
        for pattern in patterns
        for start in range(len(text))
        if text.startswith(pattern, start)
    }
    assert set(Patterns(patterns).find(to_symbols(text))) == expected


def test_finds_across_the_borders_of_its_chunks() -> None:
    chunk = search._CHUNK
    for place in (chunk - 9, chunk - 8, chunk - 7, chunk - 1, chunk, chunk + 1):
        symbols = to_symbols("." * place + "Nordwind Turbinen" + "." * 20)
        assert [hit[0] for hit in Patterns(["Nordwind Turbinen"]).find(symbols)] == [place]


@settings(max_examples=300, deadline=None)
@given(st.text())
def test_folding_is_stable_and_blind_to_spelling(text: str) -> None:
    (folded,) = fold_many([text])
    assert fold_many([folded]) == [folded]
    assert fold_many([f"  {text}!"]) == [folded]
    assert fold_many([unicodedata.normalize("NFKD", text)]) == [folded]


def test_folds_width_case_ligatures_and_separators() -> None:
    spellings = [
        "Siemens AG",
        "SIEMENS-AG",
        "ｓｉｅｍｅｎｓ　ａｇ",
        "Sie\u00admens\u200b AG",
        "siemens_ag",
        "Sie mens\tAG",
    ]
    assert set(fold_many(spellings)) == {"siemensag"}
    assert fold_many(["Straße ﬁn", "STRASSE FIN"])[0] == "strassefin"


def test_masks_and_comparisons_are_not_their_values() -> None:
    assert len(set(fold_many(["****45", "45", "≥45", "<45"]))) == 4


def test_units_of_text_stay_apart() -> None:
    assert fold(f"a{JOINT}b").text() == f"a{JOINT}b"
    assert not list(Patterns(["ab"]).find(fold(f"a{JOINT}b").symbols))


def test_word_borders() -> None:
    folded = fold("US-Marine 西门子 <b>x")
    assert folded.text() == "usmarine西门子<b>x"
    assert folded.is_word(2, 8)
    assert not folded.is_word(3, 8)
    assert folded.is_word(8, 10)
    assert folded.is_word(12, 13)


def test_information_grows_with_the_alphabet() -> None:
    assert bits("de") < bits("500kg") < 20 < bits("marine") < 37 < bits("nordwind")
    assert bits("西门子电") > 37
    assert bits("****") == 0
    assert bits(string.digits) < bits(string.ascii_lowercase[:10])
