"""Files on their way to the server: small ones in one request, large ones so that a broken line costs little."""

from __future__ import annotations

import base64
import hashlib
import secrets
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from urllib.parse import quote

import httpx

from gateway.base.problems import Unavailable
from gateway.base.units import MIB
from gateway.cli.line import CHUNK_BYTES, Line, NoAnswer, ServerProblem
from gateway.cli.shapes import Receipt, made

RESUMABLE_BYTES: Final = 64 * MIB
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
        file = _File(path, file_name or path.name, size_bytes, f"sha-256=:{base64.b64encode(digest).decode('ascii')}:")
        if size_bytes >= RESUMABLE_BYTES:
            return self._resumable(self._begun(matter, kind, file), file, progress)
        headers = {
            "Content-Type": "application/octet-stream",
            "Content-Length": str(size_bytes),
            "Content-Digest": file.digest,
            "Content-Disposition": file.disposition,
        }
        told = self._write(
            "PUT",
            f"/matters/{matter}/originals",
            params={"kind": kind},
            headers=headers,
            stream=lambda: _chunks(path, 0, progress),
        )
        return made(Receipt, told)

    def _begun(self, matter: str, kind: str, file: _File) -> str:
        headers = {
            "Upload-Complete": "?0",
            "Upload-Length": str(file.size_bytes),
            "Repr-Digest": file.digest,
            "Content-Disposition": file.disposition,
            "Idempotency-Key": secrets.token_urlsafe(18),
        }
        told = self._write("PUT", f"/matters/{matter}/originals", params={"kind": kind}, headers=headers)
        return f"/uploads/{told['id']}"

    def _resumable(self, at: str, file: _File, progress: Progress) -> Receipt:
        offset, left_bytes, vain, pause_s = 0, 0, 0, _PAUSE_S

        def count(sent: int) -> None:
            nonlocal left_bytes
            left_bytes += sent
            progress(sent)

        while True:
            try:
                return made(Receipt, self._appended(at, offset, file, count))
            except (NoAnswer, ServerProblem) as problem:
                vain += 1
                if vain > _TRIES or not _passing(problem):
                    raise
            time.sleep(pause_s)
            pause_s = min(_PAUSE_MAX_S, pause_s * 2)
            state = self._looked(at)
            if state is None:
                continue
            if state.get("upload-complete") == "?1":
                return made(Receipt, self._read(at)["receipt"])
            stands = int(state["upload-offset"])
            if stands > offset:
                vain, pause_s = 0, _PAUSE_S
            count(stands - left_bytes)
            offset = stands

    def _appended(self, at: str, offset: int, file: _File, count: Progress) -> Mapping[str, object]:
        headers = {
            "Content-Type": "application/partial-upload",
            "Content-Length": str(file.size_bytes - offset),
            "Upload-Offset": str(offset),
            "Upload-Complete": "?1",
        }
        answer = self._once("PATCH", at, headers=headers, content=_chunks(file.path, offset, count))
        told: Mapping[str, object] = answer.json()
        return told

    def _looked(self, at: str) -> httpx.Headers | None:
        try:
            return self._once("HEAD", at).headers
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
