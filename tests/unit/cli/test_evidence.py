"""Evidence as it is unpacked: what a server sends lands in the new folder or nowhere."""

from __future__ import annotations

import zipfile
from pathlib import Path

import pytest

from gateway.cli.evidence import unpacked
from gateway.cli.line import PackageDiffers


def packed(folder: Path, *names: str) -> Path:
    """A zip with these members."""
    with zipfile.ZipFile(folder / "a.zip", "w") as archive:
        for name in names:
            archive.writestr(name, b"told")
    return folder / "a.zip"


def test_the_files_lie_below_the_new_folder(tmp_path: Path) -> None:
    folder = unpacked(packed(tmp_path, "evidence-rel_1/evidence.json", "evidence-rel_1/log/checkpoint"), tmp_path / "x")
    found = {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}
    assert found == {"evidence.json", "log/checkpoint"}


@pytest.mark.parametrize("name", ["e/../../out", "/etc/passwd", "e/.hidden", "alone", "e/a b", "e//../x"])
def test_no_file_lies_elsewhere(name: str, tmp_path: Path) -> None:
    archive = packed(tmp_path, name)
    before = {path for path in tmp_path.rglob("*") if path.is_file()}
    with pytest.raises(PackageDiffers):
        unpacked(archive, tmp_path / "deep" / "x")
    assert {path for path in tmp_path.rglob("*") if path.is_file()} == before


def test_what_is_no_zip_is_said_to_be_none(tmp_path: Path) -> None:
    (tmp_path / "a.zip").write_bytes(b"no zip")
    with pytest.raises(PackageDiffers):
        unpacked(tmp_path / "a.zip", tmp_path / "x")
