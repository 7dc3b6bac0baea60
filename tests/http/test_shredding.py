"""Shredding over HTTP: two people, then 410, and no kept answer that tells what the original was."""

from __future__ import annotations

from tests.support.databases import hands
from tests.support.office import API, Office, problem_of, slug_of

ANSWERS = {"export_control": "none", "personal_data": "none", "third_party": "none", "defence_nexus": "no"}


def answers_kept(office: Office, matter: str) -> int:
    with hands(office.world.gateway.settings) as run:
        ((kept,),) = run("SELECT count(*) FROM idempotency WHERE owner = ? AND answer IS NOT NULL", matter)
    return int(kept)


def test_from_the_proposal_to_gone(office: Office) -> None:
    matter = office.matter()["id"]
    original, other = office.original(matter), office.original(matter)
    builder, legal = office["builder"], office["legal1"]
    route = f"{API}/originals/{original}"
    classified = {"Idempotency-Key": "classified-once"}
    told = builder.put(f"{route}/classification", json=ANSWERS, headers=classified)
    assert told.status_code == 200
    assert answers_kept(office, matter) == 1

    assert slug_of(legal.get(f"{route}/shredding")) == "nothing-proposed"
    proposed = builder.post(f"{route}/shredding", json={"reason": "retention is over"})
    assert proposed.status_code == 201, proposed.text
    statement = proposed.json()["statement"].encode()
    assert legal.get(f"{route}/shredding").json() == proposed.json()
    alone = builder.post(f"{route}/shredding/countersignatures", json={"signature": office.sign("builder", statement)})
    assert slug_of(alone) == "second-person-needed"
    assert problem_of(alone)["entry"] > 0

    twice = {"Idempotency-Key": "shredded-once"}
    body = {"signature": office.sign("legal1", statement)}
    done = legal.post(f"{route}/shredding/countersignatures", json=body, headers=twice)
    assert done.status_code == 201, done.text
    assert (done.json()["sha256"], done.json()["file_name"], done.json()["classification"]) == (None, None, None)
    assert done.json()["shredded_at"]
    again = legal.post(f"{route}/shredding/countersignatures", json=body, headers=twice)
    assert (again.json(), again.headers["idempotent-replayed"]) == (done.json(), "true")

    assert answers_kept(office, matter) == 1
    repeated = builder.put(f"{route}/classification", json=ANSWERS, headers=classified)
    assert repeated.json()["sha256"] is None
    for gone in (builder.get(f"{route}/content"), builder.get(f"{route}/fields")):
        assert (gone.status_code, slug_of(gone)) == (410, "shredded")
    assert builder.get(route).json() == done.json()
    assert slug_of(builder.put(f"{route}/classification", json=ANSWERS)) == "shredded"
    assert builder.get(f"{API}/originals/{other}/content").status_code == 200
    assert [one["id"] for one in builder.get(f"{API}/matters/{matter}/originals").json()["originals"]] == [
        original,
        other,
    ]
