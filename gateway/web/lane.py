"""Who may write now: so many uploads at once and no more, and one request at a time for each resumable upload."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

import anyio
from anyio import CancelScope, CapacityLimiter, Event

from gateway.web.problems import UploadsBusy

# They and those who read share one interpreter: with more of them reading waits longer, and no upload ends sooner, for
# the database has one writer.
UPLOAD_THREADS: Final = 2
# An archive is taken apart in memory.
ARCHIVE_THREADS: Final = 1


class Lane:
    """Bounds the uploads of one process. Used from its event loop alone.

    A request that waits is not read from: its sender is held back by TCP, and costs what came along with its head, at
    most 256 KiB. A request that writes costs one batch and a copy of its last part, and the two segment buffers of
    the vault, at most 6 MiB; `threads` bounds how many of them encrypt, or are given
    their receipt, at a moment; `archives` how many are taken apart.
    """

    def __init__(self, at_once: int, wait_s: float) -> None:
        self.threads = CapacityLimiter(UPLOAD_THREADS)
        self.archives = CapacityLimiter(ARCHIVE_THREADS)
        self._slots = CapacityLimiter(at_once)
        self._wait_s = wait_s
        self._holders: dict[str, tuple[CancelScope, Event]] = {}

    @asynccontextmanager
    async def slot(self) -> AsyncIterator[None]:
        """Hold one of the slots, first come first served; `UploadsBusy` where none comes free in time."""
        borrower = object()
        try:
            with anyio.fail_after(self._wait_s):
                await self._slots.acquire_on_behalf_of(borrower)
        except TimeoutError as error:
            raise UploadsBusy("Too many uploads are being written; send this one again in a few seconds.") from error
        try:
            yield
        finally:
            self._slots.release_on_behalf_of(borrower)

    @asynccontextmanager
    async def turn(self, upload: str) -> AsyncIterator[CancelScope]:
        """Be the only request at work on `upload`: an earlier one is ended first, once what it received is durable.

        A sender that asks again has given its earlier request up, whether or not the server has noticed. Only what
        the earlier one does inside the scope given here is cut short.
        """
        while (holder := self._holders.get(upload)) is not None:
            holder[0].cancel()
            await holder[1].wait()
        scope, done = CancelScope(), Event()
        self._holders[upload] = (scope, done)
        try:
            yield scope
        finally:
            del self._holders[upload]
            done.set()
