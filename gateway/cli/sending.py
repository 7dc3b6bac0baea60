"""Files on their way to the server: small ones in one request, large ones so that a broken line costs little."""

from __future__ import annotations

import hashlib
import secrets
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from urllib.parse import quote

import httpx

from gateway.base.problems import Unavailable
from gateway.base.units import MIB
from gateway.cli.line import CHUNK_BYTES, Line, NoAnswer, ServerProblem, base64_of, reading
from gateway.cli.shapes import Receipt, Receipts, Upload, made

RESUMABLE_BYTES: Final = 64 * MIB
# In the middle of a large body a sender may never read why it was cut short: what shows the file's type goes ahead.
_AHEAD_BYTES: Final = MIB // 4
# Tries in a row that bring nothing further; with the pauses between them about two minutes.
_TRIES: Final = 8
_PAUSE_S: Final = 1.0
_PAUSE_MAX_S: Final = 30.0
# What a later look at the upload settles: somebody else was sending, or the server had more or less than we thought.
_SETTLED_BY_LOOKING: Final = frozenset({"upload-taken-over", "mismatching-upload-offset", "upload-stalled"})

Progress = Callable[[int], object]


@dataclass(frozen=True, slots=True)
class _File:
    path: Path
    name: str
    size_bytes: int
    digest: str

    @property
    def disposition(self) -> str:
        return f"attachment; filename*=UTF-8''{quote(self.name, safe='')}"


class Sender(Line):
    """The line for files."""

    def upload(
        self,
        matter: str,
        kind: str,
        path: Path,
        *,
        file_name: str | None = None,
        progress: Progress = lambda _bytes: None,
    ) -> Receipt:
        """Send the file at `path`, its SHA-256 announced; `progress` is told the number of bytes as they leave.

        From 64 MiB on an upload goes on by itself where a line broke; `progress` is then told a negative number.
        """
        digest, size_bytes = _digest(path)
        file = _File(path, file_name or path.name, size_bytes, f"sha-256=:{base64_of(digest)}:")
        if size_bytes >= RESUMABLE_BYTES:
            return self._resumable(self._begun(matter, kind, file).id, file, progress)
        headers = {
            "Content-Type": "application/octet-stream",
            "Content-Length": str(size_bytes),
            "Content-Digest": file.digest,
            "Content-Disposition": file.disposition,
        }
        return self._write(
            Receipt,
            "PUT",
            f"/matters/{matter}/originals",
            params={"kind": kind},
            headers=headers,
            stream=lambda: _chunks(path, 0, progress),
        )

    def upload_archive(
        self, matter: str, kind: str, path: Path, *, progress: Progress = lambda _bytes: None
    ) -> tuple[Receipt, ...]:
        """Send the ZIP at `path` to be taken apart; a receipt for each of its files, in its order."""
        digest, size_bytes = _digest(path)
        headers = {
            "Content-Type": "application/octet-stream",
            "Content-Length": str(size_bytes),
            "Content-Digest": f"sha-256=:{base64_of(digest)}:",
        }
        receipts = self._write(
            Receipts,
            "PUT",
            f"/matters/{matter}/archives",
            params={"kind": kind},
            headers=headers,
            stream=lambda: _chunks(path, 0, progress),
        )
        return receipts.originals

    def upload_form(self, matter: str, kind: str, path: Path, *, file_name: str | None = None) -> Receipt:
        """Send the file at `path` as a form, as a page in a browser does; rather use `upload`."""
        boundary = secrets.token_hex(16)
        name = quote(file_name or path.name, safe=" ")
        head = (
            f'--{boundary}\r\nContent-Disposition: form-data; name="kind"\r\n\r\n{kind}\r\n'
            f'--{boundary}\r\nContent-Disposition: form-data; name="file"; filename="{name}"\r\n'
            f"Content-Type: application/octet-stream\r\n\r\n"
        )

        def body() -> Iterator[bytes]:
            yield head.encode("ascii")
            yield from _chunks(path, 0, lambda _bytes: None)
            yield f"\r\n--{boundary}--\r\n".encode("ascii")

        headers = {"Content-Type": f"multipart/form-data; boundary={boundary}"}
        return self._write(Receipt, "POST", f"/matters/{matter}/originals", headers=headers, stream=body)

    def resumable(self, upload: str) -> Upload:
        """How far a resumable upload is; its receipt once it is an original."""
        return self._get(Upload, f"/uploads/{upload}")

    def upload_offset(self, upload: str) -> int:
        """From where a resumable upload goes on; ends a request that is still sending to it."""
        answer = self._once("HEAD", f"/uploads/{upload}")
        with reading():
            return int(answer.headers["Upload-Offset"])

    def append(self, upload: str, offset: int, chunks: Iterator[bytes], *, length_bytes: int) -> Receipt:
        """Send the last bytes of a resumable upload of `length_bytes`, those from `offset` on."""
        headers = {
            "Content-Type": "application/partial-upload",
            "Content-Length": str(length_bytes - offset),
            "Upload-Offset": str(offset),
            "Upload-Complete": "?1",
        }
        answer = self._once("PATCH", f"/uploads/{upload}", headers=headers, content=chunks)
        with reading():
            return made(Receipt, answer.json())

    def cancel_upload(self, upload: str) -> None:
        """Give a resumable upload up; an original that came of it stays."""
        self._once("DELETE", f"/uploads/{upload}")

    def _begun(self, matter: str, kind: str, file: _File) -> Upload:
        headers = {
            "Upload-Complete": "?0",
            "Upload-Length": str(file.size_bytes),
            "Repr-Digest": file.digest,
            "Content-Disposition": file.disposition,
        }
        return self._write(Upload, "PUT", f"/matters/{matter}/originals", params={"kind": kind}, headers=headers)

    def _resumable(self, upload: str, file: _File, progress: Progress) -> Receipt:
        offset, left_bytes, vain, pause_s = 0, 0, 0, _PAUSE_S

        def count(sent: int) -> None:
            nonlocal left_bytes
            left_bytes += sent
            progress(sent)

        while True:
            try:
                if offset == 0:
                    offset = self._ahead(upload, file, count)
                chunks = _chunks(file.path, offset, count)
                return self.append(upload, offset, chunks, length_bytes=file.size_bytes)
            except (NoAnswer, ServerProblem) as problem:
                vain += 1
                if vain > _TRIES or not _passing(problem):
                    raise
            time.sleep(pause_s)
            pause_s = min(_PAUSE_MAX_S, pause_s * 2)
            state = self._looked(upload)
            if state is None:
                continue
            if state.get("upload-complete") == "?1":
                return self._received(upload)
            stands = int(state["upload-offset"])
            if stands > offset:
                vain, pause_s = 0, _PAUSE_S
            count(stands - left_bytes)
            offset = stands

    def _ahead(self, upload: str, file: _File, progress: Progress) -> int:
        """Send the first bytes alone, and hear whether the server takes such a file; where it goes on."""
        with file.path.open("rb") as source:
            head = source.read(_AHEAD_BYTES)
        headers = {
            "Content-Type": "application/partial-upload",
            "Content-Length": str(len(head)),
            "Upload-Offset": "0",
            "Upload-Complete": "?0",
        }
        answer = self._once("PATCH", f"/uploads/{upload}", headers=headers, content=iter((head,)))
        progress(len(head))
        return int(answer.headers["Upload-Offset"])

    def _received(self, upload: str) -> Receipt:
        receipt = self.resumable(upload).receipt
        if receipt is None:
            raise NoAnswer("The server says that the upload has ended and shows no receipt; send the file again.")
        return receipt

    def _looked(self, upload: str) -> httpx.Headers | None:
        try:
            return self._once("HEAD", f"/uploads/{upload}").headers
        except NoAnswer:
            return None


def _passing(problem: NoAnswer | ServerProblem) -> bool:
    """Whether the same bytes may be welcome a little later."""
    if isinstance(problem, ServerProblem):
        return problem.family is Unavailable or problem.told_slug in _SETTLED_BY_LOOKING
    return True


def _digest(path: Path) -> tuple[bytes, int]:
    digest, size_bytes = hashlib.sha256(), 0
    for chunk in _chunks(path, 0, lambda _bytes: None):
        digest.update(chunk)
        size_bytes += len(chunk)
    return digest.digest(), size_bytes


def _chunks(path: Path, offset: int, progress: Progress) -> Iterator[bytes]:
    with path.open("rb") as file:
        file.seek(offset)
        while chunk := file.read(CHUNK_BYTES):
            yield chunk
            progress(len(chunk))
