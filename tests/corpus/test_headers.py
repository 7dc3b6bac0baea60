"""A thousand headers and more: most find their field, hardly any a wrong one, and what belongs nowhere finds none."""

from __future__ import annotations

import sys
from collections import Counter, defaultdict
from math import sqrt

import pytest

from gateway.policy.load import load_library
from gateway.policy.naming import name_header
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


def _interval(hits: int, of: int) -> str:
    """Wilson's interval at 95 %, in percent."""
    z = 1.959964
    rate, spread = hits / of, z * sqrt(hits / of * (1 - hits / of) / of + z * z / (4 * of * of))
    low, high = ((rate + z * z / (2 * of) + sign * spread) / (1 + z * z / of) for sign in (-1, 1))
    return f"{hits} of {of}, {100 * rate:.1f} % ({100 * max(low, 0):.1f} to {100 * min(high, 1):.1f})"


def test_headers_find_their_field_or_are_asked_for(capsys: pytest.CaptureFixture[str]) -> None:
    library = load_library()
    results: Counter[tuple[bool, str]] = Counter()
    for one in headers():
        named, truth = name_header(library.kind(one.phrase.kind), one.text), one.phrase.field
        result = "asked" if named is None else "right" if named == truth else "wrong"
        results[one.phrase.held_out, ("unknown " if truth is None else "") + result] += 1
    with capsys.disabled():
        for half, name in ((False, "looked at"), (True, "held out")):
            known = sum(results[half, result] for result in ("right", "wrong", "asked"))
            unknown = results[half, "unknown wrong"] + results[half, "unknown asked"]
            for result in ("right", "asked", "wrong"):
                sys.stdout.write(f"\nheaders, {name}: {result} {_interval(results[half, result], known)}")
            named = _interval(results[half, "unknown wrong"], unknown)
            sys.stdout.write(f"\nheaders, {name}: unknown and named {named}\n")
    for halves in ((False, True), (True,)):
        count = {what: sum(results[half, what] for half in halves) for _, what in results}
        known = count["right"] + count["asked"] + count["wrong"]
        assert count["right"] >= 0.85 * known
        assert count["wrong"] <= 0.005 * known
    assert results[False, "unknown wrong"] == results[True, "unknown wrong"] == 0
