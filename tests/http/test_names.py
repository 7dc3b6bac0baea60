"""An answer is remembered, looked at and forgotten over HTTP."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from gateway.cli.main import run
from tests.support.office import API, Office, slug_of

COLUMN = "column/8"


def asked(office: Office, matter: dict[str, Any]) -> dict[str, Any]:
    """A rendition of a list with one header that its kind does not know."""
    builder = office["builder"]
    original = office.original(matter["id"])
    body = {"recipient": matter["recipients"][0]["id"], "profile": "portal"}
    release = builder.post(f"{API}/matters/{matter['id']}/releases", json=body).json()["id"]
    made = builder.post(f"{API}/releases/{release}/renditions", json={"original": original})
    assert made.status_code == 202, made.text
    office.world.work()
    told: dict[str, Any] = builder.get(f"{API}/renditions/{made.json()['id']}").json()
    return told


def test_from_an_answer_to_its_end(office: Office) -> None:
    matter, builder = office.matter(), office["builder"]
    names = f"{API}/matters/{matter['id']}/names"
    rendition = asked(office, matter)
    assert rendition["state"] == "waiting"
    answers = f"{API}/renditions/{rendition['id']}/answers"
    wrong = builder.post(answers, json={"columns": {COLUMN: "drop"}, "remember": ["column/1"]})
    assert slug_of(wrong) == "answers-invalid"
    body = {"columns": {COLUMN: "drop"}, "remember": [COLUMN]}
    for _ in range(2):
        made = builder.post(answers, json=body, headers={"Idempotency-Key": f"once-{matter['id']}"})
        assert made.status_code == 202, made.text
    office.world.work()
    (name,) = builder.get(names).json()["names"]
    me = office.world.actors["builder"].person_id
    assert (name["header"], name["field"], name["said_by"], name["forgotten"]) == ("ampel intern", "drop", me, None)

    again = asked(office, matter)
    assert again["state"] == "clean"
    told = builder.get(f"{API}/renditions/{again['id']}/decisions").json()["decisions"]["items"]
    (item,) = (one for one in told if one["field"] == COLUMN)
    assert item["rests_on"] == [{"name": name["id"], "by": me, "entry": name["audit_index"]}]

    assert slug_of(builder.post(f"{names}/{name['id']}/forget")) == "not-permitted"
    forgotten = office["legal1"].post(f"{names}/{name['id']}/forget")
    assert forgotten.status_code == 200, forgotten.text
    assert builder.get(names).json()["names"] == [forgotten.json()]
    assert slug_of(office["legal1"].post(f"{names}/{name['id']}/forget")) == "no-such-name"
    assert asked(office, matter)["state"] == "waiting"


def test_the_same_by_commands(
    office: Office, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    demand, answers = office.matter(), tmp_path / "answers.json"
    matter = demand["id"]
    answers.write_text(json.dumps({"columns": {COLUMN: "segment"}}))
    waiting = asked(office, demand)
    monkeypatch.setenv("GATEWAY_URL", office.server.url)
    monkeypatch.setenv("GATEWAY_TOKEN", office.token("builder"))
    assert run(["release", "answer", waiting["id"], str(answers), "--remember", COLUMN, "--no-wait"]) == 0
    capsys.readouterr()
    assert run(["matter", "names", matter]) == 0
    line = capsys.readouterr().out
    assert "ampel intern  segment  said by per_" in line
    monkeypatch.setenv("GATEWAY_TOKEN", office.token("legal1"))
    assert run(["matter", "forget", matter, line.split()[0]]) == 0
    assert capsys.readouterr().out.startswith("forgotten, entry ")
    assert run(["matter", "names", matter]) == 0
    assert "; forgotten, entry " in capsys.readouterr().out
