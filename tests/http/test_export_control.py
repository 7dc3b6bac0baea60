"""Classifications and licences over the interface: recorded once, and shown to those who may open originals."""

from __future__ import annotations

from typing import Any

import httpx

from tests.support.office import API, Office, slug_of

SHOWN = {"start": "2026-01-15", "end": "2026-12-31", "reference": "file 12"}
CLASS = {"regime": "us_ear", "entry": "3a001", **SHOWN}
LICENCE = {
    "regime": "us_ear",
    "number": "d 1",
    "entries": ["3A001"],
    "recipient_classes": ["supplier"],
    "countries": ["CN"],
    "state": "given",
    **SHOWN,
}


def post(office: Office, path: str, body: dict[str, Any], *, key: str, by: str = "builder") -> httpx.Response:
    return office[by].post(f"{API}{path}", json=body, headers={"Idempotency-Key": key})


def test_what_is_recorded_is_shown_once_and_in_one_spelling(office: Office) -> None:
    matter = office.matter()["id"]
    original = office.original(matter)
    for _ in range(2):
        classed = post(office, f"/originals/{original}/export-classes", CLASS, key="class")
        licensed = post(office, f"/matters/{matter}/licences", LICENCE, key="licence")
        assert (classed.status_code, licensed.status_code) == (201, 201), (classed.text, licensed.text)
    told = office["legal1"].get(f"{API}/matters/{matter}/export-control").json()
    assert told == {"classes": [classed.json()], "licences": [licensed.json()]}
    assert (classed.json()["entry"], classed.json()["original"]) == ("3A001", original)
    assert licensed.json()["number"] == "D 1"
    assert office["builder"].get(f"{API}/matters/{matter}/clearances").json() == {"clearances": []}


def test_what_cannot_be_recorded_is_refused(office: Office) -> None:
    matter = office.matter()["id"]
    original = office.original(matter)
    path = f"/originals/{original}/export-classes"
    for number, change in enumerate(({"entry": "ЕAR99"}, {"regime": "US EAR"}, {"end": "2025-01-01"})):
        assert slug_of(post(office, path, {**CLASS, **change}, key=f"wrong-{number}")) == "matter-malformed"
    assert post(office, path, CLASS, key="not-mine", by="dispatcher").status_code == 403
    assert post(office, "/originals/org_unknown/export-classes", CLASS, key="unknown").status_code == 404
    assert post(office, f"/matters/{matter}/licences", {**LICENCE, "countries": []}, key="nowhere").status_code >= 400
    assert office["builder"].get(f"{API}/matters/{matter}/export-control").json() == {"classes": [], "licences": []}
    assert office["auditor"].get(f"{API}/matters/{matter}/export-control").status_code == 403
