"""Who may be named: the newest word of a party counts, for every class of recipients, under any of its spellings."""

from __future__ import annotations

import pytest

from gateway.policy.clearing import Consent, ConsentMissing, consented, party, require_unnamed
from gateway.policy.gate_words import ConsentGate, Gates, PersonalDataGate, dropped

FIELD = "end_user.name"


def said(number: int, *names: str, lives: bool = True, to: str = "authority", fields: str = "*") -> Consent:
    return Consent(f"clr_{number}", frozenset(map(party, names)), (fields,), to, lives)


def test_every_party_shown_needs_a_consent_that_holds() -> None:
    given = (said(1, "Fahrwerk AG", "Fahrwerk Aktiengesellschaft"), said(2, "Kita Robotics"))
    rows = {"FAHRWERK  ag": 1, "Fahrwerk Aktiengesellschaft": 4, "Kita Robotics": 2}
    assert consented(given, FIELD, rows, ["authority"]) == ("clr_1", "clr_2")
    with pytest.raises(ConsentMissing, match="1 of the parties") as refused:
        consented(given, FIELD, {**rows, "Novo Motors": 9}, ["authority"])
    assert "rows 9" in refused.value.detail
    assert "Novo" not in refused.value.detail


@pytest.mark.parametrize(
    "later",
    [
        said(2, "Fahrwerk AG", lives=False),
        said(2, "fahrwerk ag", lives=False, fields="end_user.*"),
    ],
)
def test_the_newest_word_counts(later: Consent) -> None:
    with pytest.raises(ConsentMissing):
        consented((said(1, "Fahrwerk AG"), later), FIELD, {"Fahrwerk AG": 1}, ["authority"])
    assert consented((later, said(3, "Fahrwerk AG")), FIELD, {"Fahrwerk AG": 1}, ["authority"]) == ("clr_3",)


def test_a_consent_is_for_its_field_and_for_everyone_in_custody() -> None:
    with pytest.raises(ConsentMissing):
        consented((said(1, "Fahrwerk AG", fields="customer.*"),), FIELD, {"Fahrwerk AG": 1}, ["authority"])
    for recipients in (["authority", "supplier"], ["supplier"], [""]):
        with pytest.raises(ConsentMissing):
            consented((said(1, "Fahrwerk AG"),), FIELD, {"Fahrwerk AG": 1}, recipients)


def test_who_refused_is_named_nowhere() -> None:
    refused = (said(1, "BMX", lives=False), said(2, "Fahrwerk AG", lives=False), said(3, "Kita"))
    with pytest.raises(ConsentMissing):
        require_unnamed((said(9, "Dr. Beispiel KG", lives=False),), ["authority"], ["von Dr. Beispiel KG"])
    for text in ("sold to bmx, Kiel", "by Fahr-\nwerk AG", "FAHRWERK-AG", "Ｆａｈｒｗｅｒｋ　ＡＧ"):
        with pytest.raises(ConsentMissing) as found:
            require_unnamed(refused, ["authority"], ["nothing", text])
        assert "werk" not in found.value.detail.casefold()
    require_unnamed(refused, ["authority"], ["Kita", "Fahrwerkstatt AG", "BMXY"])
    require_unnamed(refused, ["supplier"], ["Fahrwerk AG"])
    require_unnamed((*refused, said(4, "Fahrwerk AG")), ["authority"], ["Fahrwerk AG"])


def test_a_gate_that_a_new_version_drops_or_narrows_is_told() -> None:
    old = (
        Gates(statements="required", consent=ConsentGate(fields=("a", "b"))),
        Gates(personal_data=PersonalDataGate.model_validate({"classes": ["PERSON"], "always": "true"})),
    )
    assert dropped(old, old) == dropped((), old) == ()
    assert dropped(old, ()) == ("consent", "personal_data", "statements")
    narrower = (
        Gates(statements="required", consent=ConsentGate(fields=("b",))),
        Gates(personal_data=PersonalDataGate(classes=("PERSON",))),
    )
    assert dropped(old, narrower) == ("consent", "personal_data")
