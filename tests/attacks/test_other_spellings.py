"""A withheld value that somebody typed into a column that leaves, in another spelling than the original's own."""

from __future__ import annotations

import pytest

from gateway.residue import gate
from gateway.residue.notation import numbers_in
from tests.support.renditions import BODY, table_bytes, table_expectation, withheld


def _found(value: str, cell: str, *shown: str) -> bool:
    body = ((BODY[0][0], BODY[0][1], cell), *BODY[1:])
    report = gate.check(table_bytes(body), table_expectation(), withheld(value, shown=(cell, *shown)))
    return not report.clean


@pytest.mark.parametrize(
    ("value", "cell"),
    [
        ("Müller Präzisionstechnik", "plant of Mueller Praezisionstechnik"),
        ("Müller Präzisionstechnik", "plant of Muller Prazisionstechnik"),
        ("Mueller Praezisionstechnik", "plant of Müller Präzisionstechnik"),
        ("Citroën Systems", "plant of Citroen Systems"),
        ("Citroen Systems", "plant of Citroën Systems"),
        ("Rheinmotor", "plant of Rh\u0435inm\u043etor"),
        ("Rheinmotor", "plant of Rhein🚗motor"),
        ("Rheinmotor GmbH", "plant of Rheinmotor"),
        ("Rheinmotor GmbH & Co. KG", "plant of Rheinmotor, Ulm"),
        ("Müller Werke AG", "plant of Muller Werke"),
        ("浙江风电设备有限公司", "供浙江风电设备使用"),
        ("株式会社青森精機", "青森精機向け"),
        ("4711081512345", "part ٤٧١١٠٨١٥١٢٣٤٥ again"),
        ("4711081512345", "no 4711081512345"),
        ("4821157", "EUR 4821157"),
        ("4821157", "some 4.821157 million"),
        ("4821157", "约482.1157万"),
    ],
)
def test_is_found(value: str, cell: str) -> None:
    assert _found(value, cell)


@pytest.mark.parametrize(
    ("value", "cell", "shown"),
    [
        ("4821157", "4821157", ""),
        ("Seewind AG", "a Seewindpark at sea", ""),
        ("Automotive GmbH", "for automotive use", "automotive"),
        ("Sales AG", "for wind", ""),
    ],
)
def test_what_is_lawful_or_another_word_is_not(value: str, cell: str, shown: str) -> None:
    assert not _found(value, cell, shown)


def test_a_cell_of_nothing_but_groups_costs_its_length() -> None:
    """Once, 32,768 characters of `1.` cost their square: minutes for a table."""
    assert len(list(numbers_in("1." * 400_000 + "1x", 7))) > 10_000
