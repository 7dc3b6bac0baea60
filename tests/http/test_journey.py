"""From a matter to a receipt, over HTTP alone."""

from __future__ import annotations

import hashlib
import io
import json
import zipfile
from typing import Any

from tests.support.office import API, CUSTOMERS, HARMLESS, Office, matter_body, slug_of


def test_the_whole_journey(office: Office) -> None:
    builder, legal1, legal2, dispatcher = (office[name] for name in ("builder", "legal1", "legal2", "dispatcher"))
    opened = builder.post(f"{API}/matters", json=matter_body())
    assert opened.status_code == 201, opened.text
    matter = opened.json()
    assert opened.headers["location"] == f"{API}/matters/{matter['id']}"
    assert builder.get(opened.headers["location"]).json() == matter
    assert builder.get(f"{API}/matters").json()["matters"][0]["id"] == matter["id"]

    receipt = builder.put(
        f"{API}/matters/{matter['id']}/originals",
        params={"kind": "customer_list"},
        content=CUSTOMERS,
        headers={"Content-Disposition": "attachment; filename*=UTF-8''Kunden%20%E5%AE%A2.csv"},
    )
    assert receipt.status_code == 201, receipt.text
    original = receipt.json()["original"]
    assert receipt.json()["sha256"] == hashlib.sha256(CUSTOMERS).hexdigest()
    assert receipt.headers["location"] == f"{API}/originals/{original}"
    classified = builder.put(f"{API}/originals/{original}/classification", json=HARMLESS)
    assert classified.status_code == 200, classified.text
    assert classified.json()["classification"]["export_control"] == "ear99"
    assert builder.get(f"{API}/originals/{original}").json()["file_name"] == "Kunden 客.csv"

    fields = builder.get(f"{API}/originals/{original}/fields")
    assert fields.status_code == 200, fields.text
    assert next(one["label"] for one in fields.json()["fields"]) == "Customer"

    release = builder.post(
        f"{API}/matters/{matter['id']}/releases",
        json={"recipient": matter["recipients"][0]["id"], "profile": "portal"},
    ).json()["id"]
    asked = builder.post(f"{API}/releases/{release}/renditions", json={"original": original})
    assert asked.status_code == 202, asked.text
    office.world.work()
    rendition = _rendered(office, asked.headers["location"])
    assert rendition["state"] == "waiting", rendition
    assert slug_of(builder.get(f"{API}/renditions/{rendition['id']}/content")) == "not-rendered"
    unknown = [one["id"] for one in fields.json()["fields"] if one["element"] == "column" and one["name"] is None]
    answered = builder.post(
        f"{API}/renditions/{rendition['id']}/answers", json={"columns": dict.fromkeys(unknown, "drop")}
    )
    assert answered.status_code == 202, answered.text
    office.world.work()
    rendition = _rendered(office, answered.headers["location"])
    assert rendition["state"] == "clean", rendition

    content = legal1.get(f"{API}/renditions/{rendition['id']}/content")
    assert hashlib.sha256(content.content).hexdigest() == rendition["sha256"]
    assert legal1.get(f"{API}/renditions/{rendition['id']}/residue").json()["clean"] is True
    decisions = legal1.get(f"{API}/renditions/{rendition['id']}/decisions")
    assert hashlib.sha256(decisions.content).hexdigest() == rendition["decisions_sha256"]

    submitted = builder.post(f"{API}/releases/{release}/submit")
    assert submitted.status_code == 200, submitted.text
    assert submitted.json()["state"] == "in_review"
    seen = {"verdict": "reviewed", "sha256": rendition["sha256"]}
    said = legal1.post(f"{API}/renditions/{rendition['id']}/reviews", json=seen)
    assert said.status_code == 201, said.text
    detail = dispatcher.get(f"{API}/releases/{release}").json()
    assert {part["path"] for part in detail["parts"]} >= {"manifest.json", "README.txt", "withheld.csv"}
    assert legal1.get(f"{API}/releases/{release}/files/withheld.csv").status_code == 200
    inside = next(part["path"] for part in detail["parts"] if part["role"] == "file")
    assert slug_of(legal1.get(f"{API}/releases/{release}/files/{inside}")) == "not-found"

    assert slug_of(dispatcher.post(f"{API}/releases/{release}/dispatch")) == "wrong-state"
    for name in ("legal1", "legal2"):
        approved = _approve(office, name, release)
        assert approved.status_code == 201, approved.text
    detail = dispatcher.get(f"{API}/releases/{release}").json()
    assert detail["state"] == "approved"
    assert len(detail["approvals"]["given"]) == 2
    assert slug_of(legal2.post(f"{API}/releases/{release}/dispatch")) == "not-permitted"
    dispatched = dispatcher.post(f"{API}/releases/{release}/dispatch")
    assert dispatched.status_code == 200, dispatched.text

    package = dispatcher.get(f"{API}/releases/{release}/package")
    assert hashlib.sha256(package.content).hexdigest() == dispatched.json()["package_sha256"]
    with zipfile.ZipFile(io.BytesIO(package.content)) as archive:
        manifest = json.loads(archive.read("manifest.json"))
    assert release in json.dumps(manifest)
    received = dispatcher.post(f"{API}/releases/{release}/receipts", json={"reference": "Portal 1"})
    assert received.status_code == 201, received.text
    assert received.json()["state"] == "acknowledged"
    recalled = dispatcher.post(f"{API}/releases/{release}/recall", json={"reason": "Sent by mistake"})
    assert recalled.json()["state"] == "recalled"

    assert slug_of(builder.get(f"{API}/releases/{release}/evidence")) == "not-permitted"
    evidence = office["auditor"].get(f"{API}/releases/{release}/evidence")
    assert evidence.status_code == 200, evidence.text
    with zipfile.ZipFile(io.BytesIO(evidence.content)) as archive:
        told = json.loads(archive.read(f"evidence-{release}/evidence.json"))
    assert (told["release"], told["state"]) == (release, "recalled")


def test_a_rendition_is_taken_out_of_its_release(office: Office) -> None:
    matter = office.matter()
    builder = office["builder"]
    release = builder.post(
        f"{API}/matters/{matter['id']}/releases",
        json={"recipient": matter["recipients"][0]["id"], "profile": "portal"},
    ).json()["id"]
    asked = builder.post(f"{API}/releases/{release}/renditions", json={"original": office.original(matter["id"])})
    office.world.work()
    gone = builder.post(f"{asked.headers['location']}/withdraw")
    assert (gone.status_code, gone.json()["state"]) == (200, "superseded"), gone.text
    assert builder.get(f"{API}/releases/{release}").json()["renditions"] == []
    assert slug_of(builder.post(f"{API}/releases/{release}/submit")) == "not-ready"


def _approve(office: Office, name: str, release: str) -> Any:
    client = office[name]
    request = client.get(f"{API}/releases/{release}/approval-request", params={"role": "legal"}).json()
    assert json.loads(request["statement"])["manifest_sha256"] == request["manifest_sha256"]
    return client.post(
        f"{API}/releases/{release}/approvals",
        json={
            "statement": request["statement"],
            "signature": office.sign(name, request["statement"].encode()),
            "alg": "Ed25519",
        },
    )


def _rendered(office: Office, location: str) -> dict[str, Any]:
    told: dict[str, Any] = office["builder"].get(location).json()
    return told
