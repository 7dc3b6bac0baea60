"""What makes a million entries quick to check leaves out nothing that it does not name: root alone, quick look."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.seal.twin import SigningTwin, to_text
from gateway.verify import verify
from gateway.verify.verify import ENTRY, Mismatch, WrongUse, _quick_entry, canonical, check_shape, parse_canonical
from tests.support.forger import Forger, differences, leaves_of

if TYPE_CHECKING:
    from tests.unit.verify.conftest import House


ATTACKS: dict[str, Callable[[list[bytes]], list[bytes]]] = {
    "truncated": lambda leaves: leaves[:6],
    "the last entry dropped": lambda leaves: leaves[:-1],
    "an entry rewritten": lambda leaves: [*leaves[:7], leaves[7].replace(b"per_one", b"per_two"), *leaves[8:]],
    "an entry moved to the end": lambda leaves: leaves[:7] + leaves[8:] + leaves[7:8],
}


def test_the_root_alone_holds_and_says_what_was_not_checked(house: House, export: Path) -> None:
    report = verify.verify_export(
        export, log_key=house.log.vkey(), checkpoint=house.log.checkpoint().text, root_only=True
    )
    assert [step.state for step in report.steps] == ["ok"] * 6
    assert "Only the root was checked" in report.warnings[-1]
    assert "root alone" in report.sentence()
    assert not verify.verify_export(export, log_key=to_text(SigningTwin.generate().public), root_only=True).ok


@pytest.mark.parametrize("attack", ATTACKS)
def test_the_root_alone_shows_every_rewriting(house: House, export: Path, attack: str) -> None:
    kept = (export / "checkpoint").read_text("utf-8")
    leaves = ATTACKS[attack](leaves_of(export))
    (export / "entries.jsonl").write_bytes(b"".join(leaf + b"\n" for leaf in leaves))
    differences(verify.verify_export(export, log_key=house.log.vkey(), root_only=True))
    Forger(export, house.log).write(leaves, [len(leaves)])
    told = differences(verify.verify_export(export, log_key=house.log.vkey(), checkpoint=kept, root_only=True))
    assert told.startswith("checkpoint held outside")


def test_the_root_alone_is_asked_of_whole_exports_only(export: Path) -> None:
    with pytest.raises(WrongUse, match="looks at no lines of witnesses"):
        verify.verify_export(export, policy=b"quorum none\n", root_only=True)
    (export / "proofs.jsonl").touch()
    with pytest.raises(WrongUse, match="for whole exports"):
        verify.verify_export(export, root_only=True)


ENTRY_FORMS: dict[str, Any] = {
    "v": [1, 2, True, 1.0],
    "type": ["a.b", "", 1, "x" * 1001],
    "actor": ["per_1", None],
    "at": ["2026-01-31T08:00:00.000Z", "2026-13-31T08:00:00.000Z", 0],
    "facts": [{}, [], None],
    "matter": ["mat_1", ""],
    "seq": [1, 0, True, "1"],
    "prev": [None, "0" * 64, "0" * 63, 0],
    "subject": ["org_1", ["org_1"]],
    "body": ["f" * 64, None],
    "more": [1],
}


def read(leaf: bytes) -> object:
    """What the slow way says of a leaf: the entry, or none."""
    try:
        entry = parse_canonical(leaf, "it")
        check_shape(entry, ENTRY, "it")
    except Mismatch:
        return None
    return entry if len({"matter", "seq", "prev"} - entry.keys()) in (0, 3) else None


@pytest.mark.parametrize("name", ENTRY_FORMS)
def test_the_quick_look_at_an_entry_sees_what_the_slow_one_sees(name: str) -> None:
    whole = {each: forms[0] for each, forms in ENTRY_FORMS.items() if each != "more"}
    without = {each: form for each, form in whole.items() if each != name}
    assert _quick_entry(canonical(whole)) == whole
    for entry in (whole, without, *({**whole, name: form} for form in ENTRY_FORMS[name])):
        leaf = canonical(entry)
        assert _quick_entry(leaf) in (None, read(leaf)), entry


@given(st.data())
def test_whatever_is_put_into_an_entry_the_quick_look_agrees_with_the_slow_one(data: st.DataObject) -> None:
    text = st.text('"\\\\,:{}[]aä1 ', max_size=8)
    parts = [
        '"facts":',
        '{"a":1}',
        '},"matter":"m"',
        '"seq":1',
        '"prev":null',
        "{",
        "}",
        '"',
        ",",
        '"v":1',
        "\\u0041",
        "00",
        " ",
    ]
    leaf = canonical(
        {**{each: forms[0] for each, forms in ENTRY_FORMS.items() if each != "more"}, "facts": {"a": data.draw(text)}}
    )
    for _ in range(data.draw(st.integers(0, 3))):
        at, width = data.draw(st.integers(0, len(leaf))), data.draw(st.integers(0, 12))
        leaf = leaf[:at] + data.draw(st.sampled_from(parts)).encode() + leaf[at + width :]
    assert _quick_entry(leaf) in (None, read(leaf))


def test_facts_that_imitate_what_stands_behind_them_are_one_entry_or_none() -> None:
    tail = ',"matter":"mat_1","prev":null,"seq":1,"subject":"s","type":"a.b","v":1}'
    head = '{"actor":"per_1","at":"2026-01-31T08:00:00.000Z","facts":'
    for facts in (
        '{"a":"b"},"facts":{}',
        '{"a":"}"}',
        '{},"x":{"y":{}}',
        '{"a":"\\"}"}',
        '{"a":{}},"matter":"m","prev":null,"seq":2',
    ):
        leaf = (head + facts + tail).encode()
        assert _quick_entry(leaf) in (None, read(leaf)), facts
    braced = (head + '{"a":"}"}' + tail).encode()
    assert _quick_entry(braced) == read(braced) is not None


@pytest.mark.parametrize(
    "line",
    [b'{"a":1,"a":1}', '{"ä":1}'.encode(), b'{"\\u00e4":1}', '{"a":"ä","a":"ä"}'.encode(), b'{"a":1e1}', b'{"a":-0}'],
)
def test_what_has_another_spelling_is_not_canonical(line: bytes) -> None:
    with pytest.raises(Mismatch):
        parse_canonical(line, "it")
