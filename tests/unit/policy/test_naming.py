"""Messy headers find their field, and a guess may withhold but never release."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.policy.kinds import Kind
from gateway.policy.load import Library, load_library
from gateway.policy.naming import name_fields, name_header, stated_unit
from gateway.policy.spelling import fold
from tests.support.policies import KIND, columns, load


@pytest.fixture(scope="module")
def library() -> Library:
    return load_library()


@pytest.mark.parametrize(
    ("header", "field"),
    [
        ("Customer", "customer.name"),
        ("  CUSTOMER  ", "customer.name"),
        ("Ｃｕｓｔｏｍｅｒ", "customer.name"),
        ("Kunde / 客户", "customer.name"),
        ("客户 Customer", "customer.name"),
        ("Kunde\n(Pflichtfeld)", "customer.name"),
        ("Auftrags-Nr.", "order.no"),
        ("Stückpreis [€]", "unit_price"),
        ("Preis/kg", "unit_price"),
        ("Unit price (EUR, net)", "unit_price"),
        ("E-MAIL:", "contact.email"),
        ("联系人电话", "contact.phone"),
        ("采购联系人手机", "contact.phone"),
        ("Purchasing phone", "contact.phone"),
        ("注文数量（ｋｇ）", "qty"),
        ("Quantity (kg)", "qty"),
        ("Menge in kg", "qty"),
        ("数量公斤", "qty"),
        ("Menge [Stk]", "qty_pieces"),
        ("Quantity, pcs", "qty_pieces"),
        ("件数", "qty_pieces"),
        ("Dy/Tb content (kg)", "re.weight"),
        ("納期", "delivery.date"),
        ("仕向国", "destination"),
        ("Kundencode", "customer.id"),
        ("顧客コード", "customer.id"),
        ("客户编码", "customer.id"),
        ("3. Kunde", "customer.name"),
        ("CustomerName", "customer.name"),
        ("Name des Kunden", "customer.name"),
        ("Best. Liefertermin", None),
        ("出荷予定日", "delivery.date"),
        ("Bestätigter Liefertermin", "delivery.date"),
        ("Order currency", "currency"),
        ("Auftragswahrung", "currency"),
        ("Kaufer", None),
        ("VBELN", "order.no"),
        ("Unit price [k€]", "unit_price"),
        # What a known word stands beside an unknown one in, or before, is something else.
        ("Kundenzufriedenheit", None),
        ("Price list date", None),
        ("Price unit", None),
        ("Customer service phone", None),
        ("Phone order", None),
        ("电话订单", None),
        ("出荷方法", None),
        ("Gross weight (kg)", None),
        ("Lieferfrist", "delivery.date"),
        ("Auftragsart", None),
        ("Kundenart", None),
        ("Anruf", None),
        ("Customer (EUR)", None),
        ("Customer (kg)", None),
        ("Delivery", None),
        # What we pay is not what they pay.
        ("Einkaufspreis", "discount"),
        # What has two meanings, another unit, or is only half known stays unnamed.
        ("Quantity", None),
        ("Menge (t)", None),
        ("Quantity (kg) (pcs)", None),
        ("Customer / Country", None),
        ("Customer (End user)", None),
        ("Customer since", None),
        ("供应商国家", None),
        ("Supplier destination", None),
        ("", None),
        ("()", None),
        ("kg", None),
        ("x" * 10_000, None),
    ],
)
def test_order_book_headers(library: Library, header: str, field: str | None) -> None:
    assert name_header(library.kind("order_book"), header) == field


@pytest.mark.parametrize(
    ("header", "unit"),
    [
        ("Net weight (t)", "t"),
        ("数量公斤", "kg"),
        ("Anteil %", "%"),
        ("Menge in kg", "kg"),
        ("Buyer", None),
        ("a (kg) (t)", None),
    ],
)
def test_stated_units(header: str, unit: str | None) -> None:
    assert stated_unit(header) == unit


def test_columns_that_claim_one_field_are_all_unnamed(tmp_path: Path) -> None:
    kind = load(tmp_path).kind("sample")
    named = name_fields(kind, columns(["Buyer", "Kunde", "Day"]))
    assert [field.name for field in named] == [None, None, "day"]
    assert name_fields(kind, named) == named


def test_the_last_noun_leads_only_to_personal_data_and_money(library: Library) -> None:
    for name in ("customer_list", "order_book"):
        kind = library.kind(name)
        for field in kind.fields:
            found = name_header(kind, f"Zzqx {field.title.en}")
            assert found is None or kind.by_name[found].classes


@given(st.text(max_size=60))
def test_any_header_is_survived(header: str) -> None:
    kind = Kind.model_validate(
        {
            "kind": "k",
            "title": {"en": "t", "zh": "题"},
            "medium": "table",
            "fields": [{"name": "a", "title": {"en": "Buyer", "zh": "买方"}}],
        }
    )
    assert name_header(kind, header) in {None, "a"}
    assert fold(fold(header)) == fold(header)


def test_every_synonym_of_every_shipped_kind_names_its_field(library: Library) -> None:
    for kind in library.kinds.values():
        for field in kind.fields:
            for synonym in (field.title.en, field.title.zh, *field.synonyms):
                header = f"{synonym} ({field.unit})" if field.unit else synonym
                assert name_header(kind, header) == field.name, header


def test_the_sample_kind_is_used() -> None:
    assert "Kunde" in KIND


def test_a_column_that_a_person_left_out_claims_nothing(library: Library) -> None:
    kind, fields = library.kind("customer_list"), columns(["Customer", "Kunde"], ["a", "b"])
    assert [one.name for one in name_fields(kind, fields)] == [None, None]
    assert name_fields(kind, fields, {"column/2"})[0].name == "customer.name"
