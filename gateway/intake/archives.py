"""Archives (ZIP) taken apart on arrival: each file in one becomes an original of its own, and the archive is not kept.

1. The archive's bytes are encrypted as they arrive, under a key that is never recorded, and removed when the work is
   done; what a crash leaves of them nobody can open.
2. It is checked and inflated in the sandbox only, within `archive_bounds` and one budget of time.
3. Each file is received as any other upload: typed by its content, bounded, encrypted before it touches a disk. An
   archive in an archive is none of the types taken.
4. All or nothing: rows and entries of all files commit together. Where one cannot be taken the answer says which ones
   by their numbers, and why; names are content and never said.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from types import MappingProxyType
from typing import Self

from gateway.base.problems import TooLarge, Unprocessable, Usage
from gateway.base.text import clean_line
from gateway.base.units import GIB, MIB
from gateway.formats.archive_bounds import MAX_ARCHIVE_BYTES, MAX_MEMBERS, MAX_TOTAL_BYTES
from gateway.intake import rules, unfit
from gateway.intake.model import Receipt
from gateway.intake.service import Arrived, Intake, KindIntake, Receiving
from gateway.people.model import Actor
from gateway.sandbox.budget import Budgeted
from gateway.sandbox.ports import Limits, Sandbox
from gateway.sandbox.problems import ParseRefused
from gateway.vault.service import Keeping, Vault

TASK = "gateway.formats.unpack:unpack"
MEDIA_TYPE = "application/zip"
TOLD_MAX = 100

_BATCH_BYTES = 32 * MIB
_LIST_BYTES = 2 * MIB
_DAMAGED = "The archive is damaged or was put together by hand; pack its files anew, or send them one by one."
_SENTENCES: Mapping[str, str] = MappingProxyType(
    {
        "archive-broken": _DAMAGED,
        "archive-borders": _DAMAGED,
        "archive-overlap": _DAMAGED,
        "archive-names": "Two files of the archive have one name, or one lies outside the archive; pack them anew.",
        "archive-links": "The archive holds links instead of files; pack the files themselves.",
        "archive-large": f"Unpacked the archive would have more than {MAX_MEMBERS} files, {MAX_TOTAL_BYTES // MIB} MiB "
        "or 100 times its size; send its files one by one.",
        "encrypted": "The archive has a password; pack its files without one.",
        "member-broken": "A file in the archive is damaged; pack them anew.",
    }
)


class ArchiveRefused(Unprocessable):
    """An archive, or a file in it, cannot be taken; nothing of it was."""

    slug = "archive-refused"
    title = "The archive was not taken apart"


@dataclass(frozen=True, slots=True)
class _ArchiveIntake(KindIntake):
    """What arrives as an archive: nothing but ZIP, and no file of another sort that happens to be one."""

    def type_of(self, untrusted_head: bytes, kind: str) -> str:
        del kind
        shown = unfit.recognised(untrusted_head, ())
        if shown is None or shown.media_type != MEDIA_TYPE:
            raise rules.UnsupportedFormat(
                "The content is no ZIP archive of files; upload it as an original of its own.", accepts=[MEDIA_TYPE]
            )
        return MEDIA_TYPE


class Arriving:
    """An archive on its way in. Left unfinished it leaves no trace."""

    def __init__(self, receiving: Receiving) -> None:
        self._receiving = receiving
        self._staged: Staged | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        if self._staged is None:
            self._receiving.__exit__(*exception)

    def write(self, untrusted_chunk: bytes | bytearray | memoryview) -> None:
        """Take the next bytes; refuses as soon as size or type is out of bounds."""
        self._receiving.write(untrusted_chunk)

    def finish(self) -> Staged:
        """The whole archive, for the caller to leave."""
        keeping, _ = self._receiving.finish()
        self._staged = Staged(keeping)
        return self._staged


class Staged:
    """A whole archive, encrypted under a key that exists only here; removed on leaving."""

    def __init__(self, keeping: Keeping) -> None:
        self._keeping = keeping

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_exception: object) -> None:
        self._keeping.abort()

    def read(self, vault: Vault) -> bytes:
        """Its bytes."""
        one = self._keeping
        opened = vault.open_with(
            one.key,
            object_id=one.object_id,
            matter=one.matter,
            role=one.role,
            blob_name=one.blob_name,
            plaintext_bytes=one.plaintext_bytes,
        )
        with opened:
            return opened.read()


@dataclass(frozen=True, slots=True)
class _File:
    number: int
    untrusted_name: str
    size_bytes: int


class Archives:
    """Takes archives in and apart."""

    def __init__(self, intake: Intake, vault: Vault, sandbox: Sandbox) -> None:
        self._intake = intake
        self._vault = vault
        self._sandbox = sandbox

    def begin(self, actor: Actor, matter_id: str, kind: str, content_digest: str | None) -> Arriving:
        """Open an upload of an archive whose files are all of one kind."""
        self._intake.admit(actor, matter_id, kind)
        announced = rules.announced_sha256(content_digest)
        keeping = self._vault.begin(matter=matter_id, role="archive")
        return Arriving(Receiving(keeping, kind, _ArchiveIntake((), MAX_ARCHIVE_BYTES), announced))

    def take_apart(
        self, actor: Actor, matter_id: str, kind: str, staged: Staged, *, idempotency_key: str | None
    ) -> tuple[Receipt, ...]:
        """A receipt for each file, in the archive's order. Raises `ArchiveRefused`, with nothing kept."""
        with staged, ExitStack() as kept:
            untrusted = staged.read(self._vault)
            unpacking = _Unpacking(Budgeted(self._sandbox), untrusted)
            files, refused = unpacking.listed(), dict[int, str]()
            names = {one.number: name for one in files if (name := self._name(one, kind, refused)) is not None}
            arrived = []
            for number, data in unpacking.unpacked([one for one in files if one.number in names]):
                try:
                    receiving = kept.enter_context(self._intake.begin(actor, matter_id, kind, None))
                    receiving.write(data)
                    arrived.append(Arrived(*receiving.finish(), names[number]))
                except (Unprocessable, TooLarge) as problem:
                    refused[number] = problem.detail
            if refused:
                raise _refusal(len(files), refused)
            return self._intake.keep_all(actor, matter_id, kind, arrived, idempotency_key=idempotency_key)

    def _name(self, one: _File, kind: str, refused: dict[int, str]) -> str | None:
        """What the file is called, without its folders; None where name or size refuses it before it is inflated."""
        try:
            rules.check_size(one.size_bytes, self._intake.kind(kind).limit_bytes)
            return clean_line(one.untrusted_name.rpartition("/")[2], what="file name", max_chars=255)
        except (TooLarge, Usage) as problem:
            refused[one.number] = problem.detail
            return None


class _Unpacking:
    """One archive in the sandbox: what it lists, then its files a few at a time."""

    def __init__(self, sandbox: Sandbox, untrusted: bytes) -> None:
        self._sandbox = sandbox
        self._untrusted = untrusted

    def listed(self) -> tuple[_File, ...]:
        """Every file, numbered from 1, its name and size as the child tells them."""
        (blob,) = self._run(None, _LIST_BYTES, count=1)
        try:
            files = tuple(_file(number, *told) for number, told in enumerate(json.loads(blob), start=1))
        except (ValueError, TypeError, RecursionError) as error:
            raise ArchiveRefused(_DAMAGED) from error
        if len(files) > MAX_MEMBERS or sum(one.size_bytes for one in files) > MAX_TOTAL_BYTES:
            raise ArchiveRefused(_SENTENCES["archive-large"])
        if not files:
            raise ArchiveRefused("The archive is empty; send the files themselves.")
        return files

    def unpacked(self, files: Sequence[_File]) -> Iterator[tuple[int, bytes]]:
        """The bytes of these files, each as long as was listed."""
        for batch in _batches(files):
            numbers = [one.number for one in batch]
            blobs = self._run(numbers, sum(one.size_bytes for one in batch), count=len(batch))
            if [len(blob) for blob in blobs] != [one.size_bytes for one in batch]:
                raise ArchiveRefused(_DAMAGED)
            yield from zip(numbers, blobs, strict=True)

    def _run(self, numbers: list[int] | None, output_bytes: int, *, count: int) -> tuple[bytes, ...]:
        limits = Limits(memory_bytes=2 * GIB, cpu_s=60, wall_s=120, output_bytes=output_bytes)
        try:
            reply = self._sandbox.run(TASK, {} if numbers is None else {"numbers": numbers}, self._untrusted, limits)
        except ParseRefused as refused:
            at = [refused.numbers["member"]] if "member" in refused.numbers else []
            sentence = _SENTENCES.get(refused.code, _DAMAGED)
            raise ArchiveRefused(sentence, **_told(dict.fromkeys(at, sentence))) from refused
        if len(reply.blobs) != count:
            raise ArchiveRefused(_DAMAGED)
        return reply.blobs


def _file(number: int, untrusted_name: object, size_bytes: object) -> _File:
    if not isinstance(untrusted_name, str) or not isinstance(size_bytes, int) or size_bytes < 0:
        raise ValueError("no name and size")
    return _File(number, untrusted_name, size_bytes)


def _batches(files: Iterable[_File]) -> Iterator[list[_File]]:
    batch: list[_File] = []
    for one in files:
        if batch and sum(other.size_bytes for other in batch) + one.size_bytes > _BATCH_BYTES:
            yield batch
            batch = []
        batch.append(one)
    if batch:
        yield batch


def _refusal(count: int, refused: Mapping[int, str]) -> ArchiveRefused:
    return ArchiveRefused(
        f"Of the archive's {count} files {len(refused)} cannot be taken, so none was; `numbers` says which ones, and "
        "`reasons` what to do about each.",
        **_told(refused),
    )


def _told(refused: Mapping[int, str]) -> dict[str, list[int] | list[str]]:
    """The first of them, by their places in the archive."""
    numbers = sorted(refused)[:TOLD_MAX]
    return {"numbers": numbers, "reasons": [refused[number] for number in numbers]} if numbers else {}
