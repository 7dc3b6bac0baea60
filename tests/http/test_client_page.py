"""The code in `docs/client.md` is true: it runs against a server, in order."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.support.office import CUSTOMERS, Office

PAGE = Path(__file__).resolve().parents[2] / "docs" / "client.md"
CODE = re.compile(r"^```python\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def test_the_code_of_the_page_runs(office: Office, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "Kunden.csv"
    path.write_bytes(CUSTOMERS)
    given = {
        "url": office.server.url,
        "key": office.world.keys["builder"],
        "person": office.world.actors["builder"].person_id,
        "path": path,
    }
    exec(compile("\n".join(CODE.findall(PAGE.read_text("utf-8"))), str(PAGE), "exec"), given)
    listed, changed, advice = capsys.readouterr().out.splitlines()
    assert listed.startswith("org_")
    assert listed.endswith(str(len(CUSTOMERS)))
    assert changed.startswith("412 changed-meanwhile ")
    assert advice.startswith("Ask for a token with this scope")
