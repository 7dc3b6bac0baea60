"""A leaked picture over HTTP and on the command line: the same answer, evidence beside it, and nothing kept."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from gateway.cli.main import run
from tests.support import leaks
from tests.support.journey import rendered
from tests.support.office import API, Office, open_office, problem_of, slug_of


@pytest.fixture(scope="module")
def tracing_office(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Office]:
    folder = tmp_path_factory.mktemp("traces")
    with open_office(folder, policies_dir=leaks.requiring_fingerprints(folder)) as running:
        yield running


@pytest.mark.nightly
def test_a_leak_is_traced_and_what_is_none_is_refused(
    tracing_office: Office, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    world, builder = tracing_office.world, tracing_office["builder"]
    journey = rendered(world, [leaks.original(leaks.photograph())])
    with world.gateway.units.read() as session:
        left = world.gateway.renders.part(session, journey.renditions["photo"].object_id)
    leak = leaks.passed_on(left)
    answer = builder.post(f"{API}/traces", params={"matter": journey.matter.id}, content=leak)
    assert answer.status_code == 200, answer.text
    told = answer.json()
    (found,) = told["candidates"]
    assert found["release"] == journey.release.id
    assert base64.b64decode(told["evidence"]).startswith(b"\x89PNG")
    refused = builder.post(f"{API}/traces", content=b"not a picture")
    assert (refused.status_code, slug_of(refused)) == (409, "not-traceable")
    damaged = builder.post(f"{API}/traces", content=leak[:2000])
    assert damaged.status_code == 422, problem_of(damaged)
    assert tracing_office["auditor"].post(f"{API}/traces", content=leak).status_code == 403

    path, evidence = tmp_path / "leak.jpg", tmp_path / "evidence.png"
    path.write_bytes(leak)
    monkeypatch.setenv("GATEWAY_URL", tracing_office.server.url)
    monkeypatch.setenv("GATEWAY_TOKEN", tracing_office.token("builder"))
    assert run(["trace", str(path), "--evidence", str(evidence), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["candidates"][0]["release"] == journey.release.id
    assert evidence.read_bytes().startswith(b"\x89PNG")
    path.write_bytes(leaks.as_jpeg(leaks.photograph(5), 80))
    assert run(["trace", str(path)]) == 0
    assert capsys.readouterr().out.startswith("Nobody: no rendition shows it")
    assert run(["trace", str(tmp_path / "none.jpg")]) == 2
