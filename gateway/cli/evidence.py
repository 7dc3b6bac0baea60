"""`evidence`: what shows a court what left, fetched and unpacked."""

from __future__ import annotations

import re
import shutil
import tempfile
import zipfile
from pathlib import Path, PurePosixPath
from typing import Annotated

import typer

from gateway.base.problems import Usage
from gateway.cli.environment import connected
from gateway.cli.line import PackageDiffers
from gateway.cli.output import AsJson, show

_PART = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9._-]{0,99}")


def evidence(
    release: str,
    out: Annotated[Path, typer.Option("--out", "-o", help="A new folder, or a new file that ends in .zip.")],
    as_json: AsJson = False,
) -> None:
    """Get everything that shows what left, for whom and on whose word, and nothing of what was withheld.

    `gateway package verify FOLDER` checks it.
    """
    if out.exists():
        raise Usage("There is something of this name already; name another one.")
    with connected() as client, tempfile.TemporaryDirectory(dir=out.absolute().parent, prefix=".evidence-") as beside:
        packed = Path(beside, "evidence.zip")
        with packed.open("xb") as sink:
            client.evidence(release, sink)
        if out.suffix == ".zip":
            packed.rename(out)
        else:
            unpacked(packed, Path(beside, "folder")).rename(out)
    show({"path": str(out)}, as_json=as_json, lines=[str(out)])


def unpacked(packed: Path, folder: Path) -> Path:
    """The files of the zip in the new folder `folder`; `PackageDiffers` where one would lie elsewhere."""
    try:
        with zipfile.ZipFile(packed) as archive:
            for member in archive.infolist():
                parts = PurePosixPath(member.filename).parts
                if len(parts) < 2 or not all(_PART.fullmatch(part) for part in parts):
                    raise PackageDiffers("The evidence holds a file that does not belong into it; fetch it again.")
                target = folder.joinpath(*parts[1:])
                target.parent.mkdir(parents=True, exist_ok=True)
                with archive.open(member) as source, target.open("xb") as sink:
                    shutil.copyfileobj(source, sink)
    except zipfile.BadZipFile as error:
        raise PackageDiffers("What arrived is no zip; fetch it again.") from error
    return folder
