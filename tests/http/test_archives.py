"""A ZIP is taken apart: each file an original of its own, all of them or none, nothing in clear and no name told."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Mapping
from pathlib import Path

import httpx
import pytest

from gateway.cli.client import Client
from gateway.intake.archives import TOLD_MAX
from tests.hostile import archives
from tests.hostile.archives import Member, crc_of, packed, stored, zeros
from tests.hostile.files import photo
from tests.support.office import API, CUSTOMERS, Office, problem_of, slug_of
from tests.support.workbooks import XLSX

OTHERS = CUSTOMERS.replace(b"Nordwind", b"Suedwind")
SECRET = "Kowalski-Geheim"


@pytest.fixture(scope="module")
def matter(office: Office) -> str:
    return str(office.matter()["id"])


def zipped(files: Mapping[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", method) as file:
        for name, data in files.items():
            file.writestr(name, data)
    return out.getvalue()


def put(office: Office, matter: str, content: bytes, kind: str = "customer_list", **headers: str) -> httpx.Response:
    named = {name.replace("_", "-"): text for name, text in headers.items()}
    return office["builder"].put(
        f"{API}/matters/{matter}/archives", params={"kind": kind}, content=content, headers=named
    )


def blobs(office: Office) -> set[str]:
    folder = office.world.gateway.settings.blobs_dir
    return {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}


def shown(office: Office, receipt: Mapping[str, str]) -> tuple[str, str, bytes]:
    """Name, type and bytes of an original, to one who may open it."""
    told = office["builder"].get(f"{API}/originals/{receipt['original']}").json()
    content = office["builder"].get(f"{API}/originals/{receipt['original']}/content").content
    return told["file_name"], told["media_type"], content


def test_every_file_becomes_an_original_of_its_own(office: Office, matter: str) -> None:
    workbook = archives.xlsx()
    files = {"Listen/": b"", "Listen/Kunden.csv": CUSTOMERS, "Listen/Übersicht.xlsx": workbook, "b.csv": OTHERS}
    before, size = blobs(office), office.world.gateway.log.size()
    answer = put(office, matter, zipped(files))
    assert answer.status_code == 201, answer.text
    receipts = answer.json()["originals"]
    assert [shown(office, one) for one in receipts] == [
        ("Kunden.csv", "text/csv", CUSTOMERS),
        ("Übersicht.xlsx", XLSX, workbook),
        ("b.csv", "text/csv", OTHERS),
    ]
    assert len(blobs(office) - before) == 3, "the archive itself is not kept"
    kept = [one for one in office.entries()[size:] if one["type"] == "original.kept"]
    assert [one["subject"] for one in kept] == [one["original"] for one in receipts]


def test_photographs_as_a_camera_packs_them(office: Office, matter: str) -> None:
    files = {f"DCIM/IMG_{number}.jpg": photo(size=(64 + number, 48)) for number in range(5)}
    answer = put(office, matter, zipped(files, zipfile.ZIP_STORED), "production_photo")
    assert [shown(office, one)[2] for one in answer.json()["originals"]] == list(files.values())


def test_one_file_that_cannot_be_taken_refuses_all_and_no_name_is_told(office: Office, matter: str) -> None:
    files = {
        "a.csv": CUSTOMERS,
        f"{SECRET}.csv": b"%PDF-1.7\n" + bytes(5000),
        "c.csv": OTHERS,
        f"{SECRET}\u202e.csv": OTHERS,
        "e.csv": b"",
        f"{SECRET}.zip": zipped({f"{SECRET}.csv": CUSTOMERS}),
    }
    before, size = blobs(office), office.world.gateway.log.size()
    answer = put(office, matter, zipped(files))
    told = problem_of(answer)
    assert (answer.status_code, slug_of(answer)) == (422, "archive-refused")
    assert told["numbers"] == [2, 4, 5, 6]
    for reason, words in zip(told["reasons"], ("PDF", "zero-width", "empty", "ZIP"), strict=True):
        assert words in reason
    assert SECRET not in answer.text
    assert blobs(office) == before
    assert [one["type"] for one in office.entries()[size:]] == ["request.refused"]


def test_a_thousand_files_that_cannot_be_taken_make_no_endless_answer(office: Office, matter: str) -> None:
    answer = put(office, matter, zipped({f"{number}": b"" for number in range(300)}))
    assert len(problem_of(answer)["numbers"]) == TOLD_MAX
    assert "300" in answer.json()["detail"]


PLAIN = stored(b"a.csv", CUSTOMERS)
HOSTILE: Mapping[str, tuple[bytes, str]] = {
    "a gibibyte in a megabyte": (packed(Member(b"a.csv", zeros(1024), 1 << 30, 0)), "100 times its size"),
    "more than it says": (packed(Member(b"a.csv", zeros(1024), 4096, crc_of(0))), "is damaged"),
    "less than it says": (packed(Member(b"a.csv", CUSTOMERS, len(CUSTOMERS) + 9, 0, method=0)), "is damaged"),
    "names for the same bytes": (packed(PLAIN, *[stored(b"b.csv", CUSTOMERS)], places={1: 0}), "put together by hand"),
    "a name that stands twice": (packed(PLAIN, stored(b"A.csv", OTHERS)), "one name"),
    "a name that climbs": (packed(stored(b"../../a.csv", CUSTOMERS)), "outside the archive"),
    "a name from the root": (packed(stored(b"/etc/a.csv", CUSTOMERS)), "outside the archive"),
    "a name of another drive": (packed(stored(b"C:a.csv", CUSTOMERS)), "outside the archive"),
    "a link": (packed(stored(b"a.csv", b"/etc/passwd"), attributes=0xA1FF0000), "links"),
    "a device": (packed(stored(b"a.csv", b""), attributes=0x61FF0000), "links"),
    "a password": (packed(stored(b"a.csv", CUSTOMERS, flags=1)), "password"),
    "bytes behind it": (packed(PLAIN) + b"x", "put together by hand"),
    "too many files": (packed(*(stored(b"%d" % number, b"") for number in range(2001))), "more than 2000 files"),
    "a folder with content": (packed(stored(b"a/", CUSTOMERS)), "put together by hand"),
    "half of it": (packed(PLAIN, stored(b"b.csv", OTHERS))[:-300], "put together by hand"),
    "nothing but folders": (zipped({"a/": b""}), "empty"),
}


@pytest.mark.parametrize("what", HOSTILE)
def test_hostile_archives_are_refused_with_a_sentence(office: Office, matter: str, what: str) -> None:
    data, words = HOSTILE[what]
    before = blobs(office)
    answer = put(office, matter, data)
    assert (answer.status_code, slug_of(answer)) == (422, "archive-refused")
    assert words in answer.json()["detail"]
    assert blobs(office) == before


@pytest.mark.parametrize(
    "content",
    [CUSTOMERS, archives.xlsx(), photo(), b"Rar!\x1a\x07\1\0" + bytes(90), photo("GIF") + packed(PLAIN)],
    ids=["a table", "a workbook", "a picture", "another archive", "a picture before it"],
)
def test_what_is_no_archive_of_files_is_not_taken_apart(office: Office, matter: str, content: bytes) -> None:
    answer = put(office, matter, content)
    assert (answer.status_code, slug_of(answer)) == (422, "unsupported-format")
    assert "no ZIP archive" in answer.json()["detail"]


def test_the_same_key_keeps_the_files_once(office: Office, matter: str) -> None:
    first = put(office, matter, zipped({"a.csv": CUSTOMERS, "b.csv": OTHERS}), Idempotency_Key="once")
    size, there = office.world.gateway.log.size(), blobs(office)
    again = put(office, matter, zipped({"a.csv": CUSTOMERS, "b.csv": OTHERS}), Idempotency_Key="once")
    assert again.json() == first.json()
    assert (office.world.gateway.log.size(), blobs(office)) == (size, there)


@pytest.mark.parametrize(
    "files",
    [
        {"a.csv": CUSTOMERS},
        {"a.csv": CUSTOMERS, "b.csv": CUSTOMERS},
        {"a.csv": CUSTOMERS, "b.csv": OTHERS, "c": OTHERS},
    ],
    ids=["fewer", "others", "more"],
)
def test_the_same_key_for_other_files_is_refused(office: Office, matter: str, files: dict[str, bytes]) -> None:
    put(office, matter, zipped({"a.csv": CUSTOMERS, "b.csv": OTHERS}), Idempotency_Key="taken")
    there = blobs(office)
    answer = put(office, matter, zipped(files), Idempotency_Key="taken")
    assert slug_of(answer) == "idempotency-key-reused"
    assert blobs(office) == there


def test_a_file_past_the_bound_of_its_kind_is_told_before_it_is_inflated(office: Office, matter: str) -> None:
    rest = zipped({"b.jpg": photo()})
    limit = office.world.gateway.settings.picture_limit_bytes >> 20
    data = packed(
        Member(b"a.jpg", zeros(limit + 1), (limit + 1) << 20, 0), stored(b"b.bin", bytes(2 << 20)), stored(b"c", rest)
    )
    told = problem_of(put(office, matter, data, "production_photo"))
    assert told["numbers"] == [1, 2, 3]
    assert "larger than the" in told["reasons"][0]


def test_the_typed_client_sends_one(office: Office, matter: str, tmp_path: Path) -> None:
    file = tmp_path / "Listen.zip"
    file.write_bytes(zipped({"a.csv": CUSTOMERS, "b.csv": OTHERS}))
    sent: list[int] = []
    with Client(office.server.url, office.token("builder")) as client:
        receipts = client.upload_archive(matter, "customer_list", file, progress=sent.append)
    assert [(one.media_type, one.size_bytes) for one in receipts] == [
        ("text/csv", len(CUSTOMERS)),
        ("text/csv", len(OTHERS)),
    ]
    assert sum(sent) == file.stat().st_size


def test_a_whole_archive_is_refused_by_the_digest_that_was_announced(office: Office, matter: str) -> None:
    before = blobs(office)
    wrong = put(office, matter, zipped({"a.csv": CUSTOMERS}), Content_Digest=f"sha-256=:{'A' * 43}=:")
    assert slug_of(wrong) == "digest-mismatch"
    assert blobs(office) == before
