"""Pseudonyms and row order say nothing to who lacks the release's secret, and nothing false to anyone."""

from __future__ import annotations

import hmac
import os
import re
import subprocess
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.formats import keyed
from gateway.formats.keyed import Prf, named, normalised, pseudonyms, row_order
from gateway.formats.model import Table

SECRET = bytes(range(32))


@given(st.binary(max_size=64), st.binary(max_size=200))
def test_the_fast_function_is_hmac(key: bytes, message: bytes) -> None:
    assert Prf(key)(message) == hmac.digest(key, message, "sha256")


def test_a_key_is_derived_per_field_as_documented() -> None:
    field_key = hmac.digest(SECRET, b"field:customer.name", "sha256")
    assert Prf(SECRET).narrowed("field", b"customer.name")(b"x") == hmac.digest(field_key, b"x", "sha256")


def test_spellings_of_one_customer_share_a_pseudonym() -> None:
    spellings = ["Müller GmbH", " müller  gmbh ", "MU\u0308LLER GMBH", "Mül\u200bler GmbH", "Müller\u00a0GmbH"]
    assert {normalised(spelling) for spelling in spellings} == {"müller gmbh"}
    names = pseudonyms(Prf(SECRET), "P", [*spellings, "Mueller GmbH"])
    assert len({names[spelling] for spelling in spellings}) == 1
    assert names["Mueller GmbH"] != names["Müller GmbH"]


def test_pseudonyms_look_as_declared_and_empty_stays_empty() -> None:
    names = pseudonyms(Prf(SECRET), "EU", ["a", "b", "", "  "])
    assert re.fullmatch(r"EU-[0-9A-HJKMNP-TV-Z]{8}", names["a"])
    assert names[""] == names["  "] == ""


def test_two_that_meet_get_longer_names(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(keyed, "PSEUDONYM_CHARS", 1)
    names = named("P", {number: os.urandom(32) for number in range(64)})
    assert len(set(names.values())) == 64
    lengths = {len(name) for name in names.values()}
    assert lengths <= {3, 18}
    assert 18 in lengths


def test_another_release_shows_other_names_and_another_order() -> None:
    values = [str(number) for number in range(50)]
    one = pseudonyms(Prf(SECRET), "P", values)
    other = pseudonyms(Prf(bytes(32)), "P", values)
    assert not set(one.values()) & set(other.values())
    digest = Table.of(["a"], [values]).digest
    assert row_order(SECRET, digest, 50).tolist() != row_order(bytes(32), digest, 50).tolist()


def test_row_order_is_a_permutation_that_keeps_nothing_of_the_original() -> None:
    order = row_order(SECRET, bytes(32), 2000).tolist()
    assert sorted(order) == list(range(2000))
    kept_neighbours = sum(abs(a - b) == 1 for a, b in pairwise(order))
    assert kept_neighbours < 12
    assert row_order(SECRET, b"x" * 32, 2000).tolist() != order


def test_row_order_is_the_documented_one() -> None:
    """Worked out with openssl's AES-256-CTR and Python's sort from what docs/formats/table-csv.md says."""
    key = hmac.digest(SECRET, b"order:" + bytes(32), "sha256")
    command = ["openssl", "enc", "-aes-256-ctr", "-K", key.hex(), "-iv", "00" * 16]
    stream = subprocess.run(command, input=bytes(8 * 200), capture_output=True, check=True).stdout
    numbers = [stream[8 * row : 8 * row + 8] for row in range(200)]
    assert row_order(SECRET, bytes(32), 200).tolist() == sorted(range(200), key=numbers.__getitem__)


def test_a_digest_tells_cells_apart_that_join_alike() -> None:
    tables = [(["ab", "c"], [["1"], ["2"]]), (["a", "bc"], [["1"], ["2"]]), (["ab", "c"], [["12"], [""]])]
    assert len({Table.of(*table).digest for table in tables}) == 3
