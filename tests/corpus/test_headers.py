"""The set of headers is what it says: large, in four languages, with one truth each, and the same every time."""

from __future__ import annotations

from collections import Counter, defaultdict

from gateway.policy.load import load_library
from tests.corpus.headers import headers, phrases


def test_a_thousand_headers_in_four_languages_and_a_quarter_belongs_nowhere() -> None:
    told = headers()
    assert len(told) >= 1_000
    assert sum(one.phrase.field is None for one in told) >= len(told) / 4
    languages = Counter(one.phrase.language for one in told)
    assert all(languages[language] >= 1_000 for language in ("en", "de", "zh", "ja"))
    assert {one.mess for one in told} >= {"slip", "two languages", "width", "line break", "numbering", "currency"}


def test_every_header_has_one_truth_that_its_kind_knows() -> None:
    library = load_library()
    truths: dict[tuple[str, str], set[str | None]] = defaultdict(set)
    for one in headers():
        truths[one.phrase.kind, one.text].add(one.phrase.field)
        assert one.phrase.field is None or one.phrase.field in library.kind(one.phrase.kind).by_name
    assert all(len(fields) == 1 for fields in truths.values())


def test_both_halves_are_of_a_size() -> None:
    held_out = sum(one.held_out for one in phrases())
    assert 0.4 < held_out / len(phrases()) < 0.6
