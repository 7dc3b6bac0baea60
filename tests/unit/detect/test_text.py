"""What values say they are; what only looks like it is left alone."""

from __future__ import annotations

import time

import pytest

from gateway.detect.text import classes_of, classes_seen


@pytest.mark.parametrize(
    ("value", "name"),
    [
        ("a.vogt@rheinmotor.example", "EMAIL"),
        ("Anna <anna@x.example>, urgent", "EMAIL"),
        ("anna (at) x.example", "EMAIL"),
        ("ａｎｎａ＠x.example", "EMAIL"),
        ("+49 711 5550101", "PHONE"),
        ("+86-139-1234-5678", "PHONE"),
        ("0049 711 5550101", "PHONE"),
        ("call +1 (555) 010-0199 now", "PHONE"),
        ("0711 / 555 0101", "PHONE"),
        ("(0711) 5550101", "PHONE"),
        ("03-5550-0102", "PHONE"),
        ("13912345678", "PHONE"),
        ("139 1234 5678", "PHONE"),
        ("Tel: 555 0199", "PHONE"),
        ("电话：5550199", "PHONE"),
        ("DE89370400440532013000", "IBAN"),
        ("DE89 3704 0044 0532 0130 00 BIC COBADEFF", "IBAN"),
        ("NO9386011117947", "IBAN"),
        ("P<UTOERIKSSON<<ANNA<MARIA<<<<<<<<<<<<<<<<<<<", "PASSPORT"),
        ("L898902C36UTO7408122F1204159ZE184226B<<<<<10", "PASSPORT"),
        ("11010519491231002X", "NATIONAL_ID"),
        ("身份证11010519491231002x。", "NATIONAL_ID"),
        ("12.50 EUR", "MONEY"),
        ("€ 12", "MONEY"),
        ("US$ 5", "MONEY"),
        ("300万元", "MONEY"),
        ("￥500", "MONEY"),
    ],
)
def test_found(value: str, name: str) -> None:
    assert name in classes_of(["x", value, "y"])


@pytest.mark.parametrize(
    "value",
    [
        "",
        "Rheinmotor GmbH",
        "N42SH",
        "85051110",
        "0012345678",
        "0000012345",
        "A-4711",
        "RM-77-X-2210",
        "2026-01-14",
        "14.02.2026",
        "12,345.50",
        "-5.2",
        "+5.2",
        "+49",
        "340 kg",
        "12 500",
        "91110000MA01ABCD2X",
        "110105194912310021",
        "DE89370400440532013001",
        "GB-EUR-x",
        "EURO 6",
        "1C908",
        "Dy @ 3 %",
        "10-20",
        "07/2026",
        "40.7128, -74.0060",
    ],
)
def test_left_alone(value: str) -> None:
    assert classes_of([value]) == frozenset()


def test_one_hit_among_many_is_enough() -> None:
    values = [f"Buyer {number}" for number in range(50_000)]
    started = time.process_time()
    assert classes_of([*values, "a@b.example"]) == {"EMAIL"}
    assert time.process_time() - started < 5


def test_cells_do_not_run_together() -> None:
    assert classes_of(["a@", "b.example"]) == frozenset()
    assert classes_of(["+49", "711 5550101"]) == frozenset()
    assert classes_of(["a\0b@x.example"]) == {"EMAIL"}


@pytest.mark.parametrize("piece", ["a", "1", "+1 ", "a@", "P<", "AB12 ", "0 ", "tel ", ".a", "1 ", "€"])
def test_long_cells_cost_little(piece: str) -> None:
    started = time.process_time()
    classes_of([piece * (60_000 // len(piece))])
    assert time.process_time() - started < 5


@pytest.mark.parametrize(
    ("words", "name"),
    [
        ("91350100M000100Y43", "USCC"),
        ("统一社会信用代码：91110000600037341L", "USCC"),
        ("LEI 5493001KJTIIGC8Y1R12", "LEI"),
        ("48° 8' 14\" N", "GPS"),
        ("48.1372° N, 11.5755° E", "GPS"),
        ("40.7128, -74.0060", "GPS"),
        ("粤B·12345", "PLATE"),
        ("京A12345", "PLATE"),
        ("S-XY 1234", "PLATE"),
        ("M-AB 12E", "PLATE"),
        ("a@b.example", "EMAIL"),
    ],
)
def test_seen_in_a_picture(words: str, name: str) -> None:
    assert name in classes_seen(words)


@pytest.mark.parametrize(
    "words",
    [
        "91350100M000100Y44",
        "5493001KJTIIGC8Y1R13",
        "N42SH",
        "RM-77-X-2210",
        "12.5 °C",
        "2026-01-14",
        "Line 7",
        "钕铁硼",
        # Every check digit of this passport is wrong.
        "L898902C37UTO7408123F1204158ZE184226B<<<<<10",
    ],
)
def test_seen_and_left_alone(words: str) -> None:
    assert classes_seen(words) == frozenset()
