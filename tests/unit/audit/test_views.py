"""Entries for other programs: every line leads back to its leaf, and nothing in an entry becomes more than a value."""

from __future__ import annotations

import csv
import hashlib
import io
import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from gateway.audit.views import COLUMNS, LINES, NAMES, Line, Viewing, cef_line, csv_line, ocsf_line, syslog_line
from gateway.base.canon import Json, canonical
from gateway.seal.merkle import leaf_hash

ORIGIN = "example.com/gateway"


def leaf(**fields: Any) -> bytes:
    entry: dict[str, Json] = {
        "v": 1,
        "type": "release.sealed",
        "actor": "per_1",
        "at": "2026-01-31T08:00:00.123Z",
        "facts": {"n": 1},
    }
    return canonical(entry | fields)


PLAIN = leaf(matter="mat_1", seq=3, prev="ab" * 32, subject="rel_1", body="cd" * 32)
HOSTILE = (
    '=cmd|"/C calc"!A1',
    "+1",
    "-1+2",
    "@SUM(A1)",
    "a|b",
    'x"]y\\',
    "k=v other=1",
    "line\nCEF:0|x",
    "line\r\n<13>1 - - - - - -",
    'a,b"c;d',
    "null\x00",
    "sep\u2028arate\x85",
    "\t=1",
)


def hostile() -> Iterator[Line]:
    for text in HOSTILE:
        for name in ("actor", "subject", "matter", "type"):
            line = Line.of(ORIGIN, 7, leaf(facts={"t": text}, matter="mat_1", seq=1, prev=None))
            yield replace(line, fields={**line.fields, name: text})


@pytest.mark.parametrize("name", LINES)
def test_a_line_is_one_line_and_has_the_leaf_s_hash(name: str) -> None:
    _path, _head, make = LINES[name]
    for line in [Line.of(ORIGIN, 7, PLAIN), *hostile()]:
        made = make(line).decode()
        ends = made.split("\n") if name == "ocsf" else [*made.splitlines(), ""]
        assert ends == [made.rstrip("\r\n"), ""], (name, made)
        assert line.fields["leaf_hash"] in made


def test_csv_is_read_back_and_no_cell_is_a_formula() -> None:
    [row] = csv.reader(io.StringIO(csv_line(Line.of(ORIGIN, 7, PLAIN)).decode()))
    told = dict(zip(COLUMNS, row, strict=True))
    assert (told["index"], told["leaf_hash"], told["matter"]) == ("7", leaf_hash(PLAIN).hex(), "mat_1")
    assert json.loads(told["facts"]) == {"n": 1}
    for line in hostile():
        [row] = csv.reader(io.StringIO(csv_line(line).decode()))
        assert len(row) == len(COLUMNS)
        assert not [cell for cell in row if cell.startswith(("=", "+", "-", "@", "\t", "\r"))]


def test_ocsf_carries_its_own_attestation_and_the_leaf() -> None:
    event = json.loads(ocsf_line(Line.of(ORIGIN, 7, PLAIN)))
    assert (event["class_uid"], event["type_uid"], event["metadata"]["version"]) == (0, 99, "1.9.0")
    assert event["time"] == 1769846400123
    assert event["metadata"]["uid"] == leaf_hash(event["raw_data"].encode()).hex() == leaf_hash(PLAIN).hex()
    assert event["raw_data_hash"]["value"] == hashlib.sha256(PLAIN).hexdigest()
    [attestation] = event["attestation_list"]
    fingerprint = attestation.pop("fingerprint")
    assert (fingerprint["algorithm_id"], fingerprint["serialization_id"]) == (3, 2)
    assert fingerprint["value"] == hashlib.sha256(canonical(event)).hexdigest()
    refused = json.loads(ocsf_line(Line.of(ORIGIN, 7, leaf(type="release.refused"))))
    assert (refused["status_id"], refused["severity_id"]) == (2, 3)


def test_cef_is_taken_apart_as_its_readers_do() -> None:
    for line in hostile():
        made = cef_line(line).decode().rstrip("\n")
        head = re.split(r"(?<!\\)(?:\\\\)*\|", made)
        assert head[0] == "CEF:0"
        keys = re.findall(r"(?:^|(?<=[ |]))(\w+)(?<!\\)=", made.split("|", 7)[-1] if "\\|" not in made else head[-1])
        assert "other" not in keys
        assert [
            name for name in keys if not re.fullmatch(r"rt|externalId|dvchost|suid|duid|c[sn]\d(Label)?", name)
        ] == []


def test_syslog_is_what_rfc_5424_says() -> None:
    value = r'"(?:[^"\\\]]|\\.)*"'
    grammar = re.compile(
        rf"<1(?:10|08)>1 \S{{24}} [!-~]{{1,255}} gateway - [!-~]{{1,32}} \[entry@32473(?: \w+={value})*\] [^\n]*\n"
    )
    for line in [Line.of(ORIGIN, 7, PLAIN), *hostile()]:
        assert grammar.fullmatch(syslog_line(line).decode()), syslog_line(line)
    assert syslog_line(Line.of(ORIGIN, 7, leaf(type="release.refused"))).startswith(b"<108>1 2026-01-31T08:00:00.123Z ")


@contextmanager
def viewed(folder: Path, *leaves: bytes) -> Iterator[None]:
    with Viewing(folder, NAMES, ORIGIN) as viewing:
        for index, one in enumerate(leaves):
            viewing.take(index, one)
    yield


@pytest.mark.parametrize("count", [0, 3])
def test_every_view_is_written_and_parquet_can_be_read(tmp_path: Path, count: int) -> None:
    import polars as pl

    leaves = [leaf(facts={"n": number}) for number in range(count)]
    with viewed(tmp_path, *leaves):
        names = sorted(path.name for path in tmp_path.iterdir())
        assert names == ["entries.cef", "entries.csv", "entries.ocsf.jsonl", "entries.parquet", "entries.syslog"]
        table = pl.read_parquet(tmp_path / "entries.parquet")
    assert table.columns == list(COLUMNS)
    assert table["leaf_hash"].to_list() == [leaf_hash(one).hex() for one in leaves]


def test_no_process_is_made_heavy_by_the_views() -> None:
    import subprocess
    import sys

    code = "import sys, gateway.audit.extracts; sys.exit('polars' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
