"""Amounts, numbers to call, accounts and identity numbers in ordinary spellings, and what only looks like them."""

from __future__ import annotations

import time

import pytest

from gateway.cli.environment import offline_settings
from gateway.detect.money import with_heading
from gateway.detect.text import classes_of
from gateway.formats.model import Box, Element, Field, Page, Word
from gateway.formats.page_runs import page_fields
from gateway.policy.kinds import Kind
from gateway.policy.load import load_library
from gateway.policy.paths import named_fields

FOUND = {
    "MONEY": [
        "9,80 Euro",
        "48.213,77 Euro",
        "48 213 Euro",
        "480 TEUR",
        "NT$ 480",
        "HK$ 17",
        "1.200 SEK",
        "9,80 Dollar",
        "48.213,-- €",
        "12.000 RMB",
        "12.000 元",
        "12.000元",
        "12.000 人民币",
        "人民币 12000",
        "12,000円",
        "12 万元",
        "CAD: 33.00",
        "4.300 PLN",
        "5 Mio. EUR",
        "4,8 Mrd. €",
        "480 k€",
        "T€ 480",
        "5 million US dollars",
        "480 Schweizer Franken",
        "200 schwedische Kronen",
        "48.213,77 (EUR)",
        "Preis (EUR) 12",
        "EUR: 480",
        "480,-",
        "1.200,-- je Stück",
        "壹万贰仟元整",
        "300 港元",
        "US$5",
        "R$ 30",
        "Euro 480,00",
        "Euro 1.200",
        "480 eur",
        "₩ 12,000",
        "12 CHF",
        "3.5 million euros",
        "Betrag: 9,80\u00a0€",
        "\uff19\uff0c\uff18\uff10 Euro",
        "人民币壹万元",
    ],
    "PHONE": [
        "0711/5550101",
        "Hanna Vogel, 0711/5550101",
        "Ruf (0711) 555-0101 an",
        "张伟 13812345678",
        "联系人张伟13812345678。",
        "+49\u2212711\u2212555\u22120101",
        "+49\u2011151\u201123456789",
        "Mobil ist +49 \u2013 151 \u2013 23456789 und",
        "Tel-Nr. 0711/5550101",
        "Rückfragen unter 0711 555 01 01 bis 17 Uhr",
        "Werk Stuttgart 0151 23456789",
        "call 03-5550-0102 today",
        "(555) 010-0199 x",
        "+ 49 711 5550101",
        "appeler 01 23 45 67 89",
        "手机号+8613912345678",
        "电话号码 5550199",
        "020 7946 0123 London",
        "Tel.0711 5550101 oder 0151 23456789",
        "Hanna 138-1234-5678",
    ],
    "IBAN": [
        "DE89.3704.0044.0532.0130.00",
        "IBANDE89370400440532013000",
        "DE89-3704-0044-0532-0130-00",
        "IBAN: DE89 3704 0044 0532 0130 00.",
        "AB12 DE89 3704 0044 0532 0130 00",
        "Konto DE 89 3704 0044 0532 0130 00",
        "de89370400440532013000",
        "DE89\u20133704\u20130044\u20130532\u20130130\u201300",
    ],
    "NATIONAL_ID": [
        "110105 19491231 002X",
        "110105-1949-1231-002x",
        "110 105 1949 1231 002X",
        "1101 0519 4912 3100 2X",
        "身份证11010519491231002X张伟",
        "110105 1949 12 31 002 X",
    ],
}
LEFT_ALONE = [
    "§ 7",
    "art. 16(1)(4)",
    "Art. 4 Abs. 2",
    "340 kg",
    "Art.-Nr. 0445 110 123",
    "Artikel 0815/4711-2026",
    "Zeichnung 0711-555-0101",
    "Auftrag 0711/5550101",
    "订单号 13812345678",
    "运单编号\uff1a13812345678",
    "2026-01-14",
    "14.02.2026",
    "14./15.02.2026",
    "01.02.2026 \u2013 03.04.2026",
    "07/2026",
    "Euro 6",
    "Euro 6d",
    "Euro 2024",
    "EURO 6",
    "12 EUR-Paletten",
    "Europalette 1200 x 800",
    "3 元件",
    "三元材料 5 种",
    "5元素",
    "CAD 2024",
    "3 CAD",
    "PHP 8",
    "TRY 5 times",
    "12 OK, 3 NOK",
    "RON 95",
    "M8 x 1,25",
    "10 +0,1 / -0,2",
    "Ø 12 +0,-0,1",
    "12,- 15",
    "20 °C … 180 °C",
    "+20 -40 °C",
    "RM-77-X-2210",
    "N42SH",
    "85051110",
    "8505 11 10",
    "HS 8505.11.10",
    "DIN EN 10204-3.1",
    "ISO 9001:2015",
    "DIN 0445-110-123",
    "Seite 3 von 12",
    "0012345678",
    "0000012345",
    "12 500",
    "1.234.567,89",
    "48.213,77",
    "Charge 2026-0711-001",
    "Hotel 12 345 678",
    "Kapitel 2.1 2024",
    "Automobil 2024-05-12",
    "Mittel 2024-01-15",
    "5 percent",
    "12 %",
    "5 center",
    "3 Pfund",
    "Lot 0123 456 789",
    "SN 0123-4567-89",
    "12 kW bei 3000 1/min",
    "4,2 Nm",
    "2.000 h",
    "10.000 U/min",
    "V 1.2.3",
    "A-4711",
    "B2B 2026",
    "0,5 mm",
    "Zeile 7, Spalte 12",
    "1 2 3 4 5 6 7 8 9",
    "100 200 300 400 500",
    "0.5 0.25 0.125",
    "01 02 03 04 05 06",
    "Abs. 3 Satz 2 Nr. 1",
    "VO (EU) 2021/821",
    "Verordnung (EG) Nr. 428/2009",
    "792号令第16条",
    "Order 792, art. 16(1)(1)-(2)",
    "2025年4月4日",
    "公告2025年第18号",
    "PO 4500012345",
    "4500012345",
    "Pos. 10 Menge 250 Stk",
    "3 Tage",
    "12 Monate",
    "GB 11643-1999",
    "$A$1",
    "5 try",
    "10 inch",
    "120 x 80 x 40",
    "Ref. 0711-555-010",
    "07.04.2025",
    "12:30 \u2013 14:45",
    "2 Center",
    "60 Cent-Stücke",
    "Drehmoment 12,5",
    "110105194912310021",
    "1101 0519 4912 3100 21",
    "DE89.3704.0044.0532.0130.01",
    "ID 1234567",
    "UN 3077",
    "CAS 7440-27-9",
    "EC 231-137-2",
    "0 601 123 456",
]


@pytest.mark.parametrize(("name", "value"), [(name, value) for name, values in FOUND.items() for value in values])
def test_an_ordinary_spelling_is_recognised(name: str, value: str) -> None:
    assert name in classes_of([value])
    assert name in classes_of(["before", f"x; {value} ; y", "behind"])


@pytest.mark.parametrize("value", LEFT_ALONE)
def test_what_only_looks_like_it_is_left_alone(value: str) -> None:
    assert classes_of([value]) == frozenset()


HEADINGS = [
    "EUR",
    "Amount (EUR)",
    "Betrag in Euro",
    "Preis/EUR",
    "Betrag [TEUR]",
    "金额（元）",
    "Segment EUR",
    "Land €",
]


@pytest.mark.parametrize("heading", HEADINGS)
@pytest.mark.parametrize("figure", ["48.213,77", "17.35", "12"])
def test_a_figure_goes_by_the_currency_in_its_heading(heading: str, figure: str) -> None:
    assert "MONEY" in classes_of(with_heading(heading, ["Rotor", figure]))
    words = (
        Word(heading, Box(200, 100, 90, 12)),
        Word("Rotor", Box(20, 120, 40, 12)),
        Word(figure, Box(200, 120, 60, 12)),
    )
    fields = {one.label: one.classes for one in page_fields([Page(600, 800, words)], classes_of)}
    assert "MONEY" in fields[figure]


@pytest.mark.parametrize(
    "heading", ["Menge (kg)", "EUR-Paletten", "Europa", "Neuron", "Element", "Product", "元素", "Country"]
)
def test_a_heading_without_a_currency_says_nothing_of_money(heading: str) -> None:
    assert classes_of(with_heading(heading, ["12", "17.35"])) == frozenset()


@pytest.mark.parametrize("words", ["Rotor", "Fahrwerk Quantum AG 7"])
def test_words_under_a_currency_are_no_figures(words: str) -> None:
    assert classes_of(with_heading("EUR", [words])) == frozenset()


@pytest.mark.parametrize(
    "piece", ["0711/", "1 Mio ", "DE89 ", "1 2 ", "1101 ", "1,", "百", "kron ", "tel 1 ", "NT$ ", "1,-"]
)
def test_long_texts_cost_little(piece: str) -> None:
    started = time.process_time()
    classes_of([piece * (30_000 // len(piece))])
    assert time.process_time() - started < 10


def kind() -> Kind:
    return load_library(offline_settings().policies_dir).kind("technical_details")


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("Datenblatt › Kosten › Seltene Erde", None),
        ("Datenblatt › Kosten › Güte", None),
        ("Datenblatt › Kosten › Details › Güte", None),
        ("Datenblatt › Ansprechpartner › Anwendung", None),
        ("Datenblatt › Güte", "product.grade"),
        ("Ansprechpartner › Kosten", None),
        ("Kosten › Preis", "price"),
        ("Datenblatt › Kosten", "price"),
    ],
)
def test_what_stands_above_a_value_vetoes_its_name(path: str, name: str | None) -> None:
    (field,) = named_fields(kind(), [Field("column/1", Element.COLUMN, path, None)])
    assert field.name == name
    assert named_fields(kind(), [field]) == (field,)
