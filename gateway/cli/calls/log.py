"""The log, and what the process says of itself."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import BinaryIO
from urllib.parse import urlencode

from gateway.cli.line import Line, reading
from gateway.cli.shapes import Consistency, Health, Inclusion, Keys, ProblemPage, Readiness

NOTHING_ASKED: Mapping[str, str] = MappingProxyType({})


class LogCalls(Line):
    """What was done here, and proofs of it."""

    def checkpoint(self) -> str:
        """A signed checkpoint over the log as it stands."""
        return self._bytes("/audit/checkpoint").decode()

    def entries(self, start: int = 0, stop: int | None = None) -> Iterator[bytes]:
        """Entries `start` up to but without `stop`, each the very bytes that are hashed."""
        params = {"start": start} if stop is None else {"start": start, "stop": stop}
        rest = b""
        with self._streamed("/audit/entries", params=params) as chunks:
            for chunk in chunks:
                *whole, rest = (rest + chunk).split(b"\n")
                yield from whole

    def tile(self, level: int | None, name: str) -> bytes:
        """A tile of hashes, such as `x001/234` or `x001/234.p/56`; without a level, a bundle of entries."""
        return self._bytes(f"/audit/tile/{'entries' if level is None else level}/{name}")

    def tlog_proof(self, index: int) -> str:
        """Entry `index` with its proof, as C2SP tlog-proof."""
        return self._bytes(f"/audit/entries/{index}/proof").decode()

    def tail(
        self, start: int | None = None, wanted: Mapping[str, str] = NOTHING_ASKED, form: str = "jsonl", wait_s: int = 0
    ) -> tuple[bytes, int]:
        """Lines of the wanted entries from `start` on, and where to go on from; without `start`, the log's end."""
        begin = {} if start is None else {"start": start}
        answer = self._sent("GET", "/audit/tail", params={**wanted, **begin, "form": form, "wait_s": wait_s})
        with reading():
            return answer.content, int(answer.headers["Next-Start"])

    def inclusion(self, index: int, size: int) -> Inclusion:
        """The proof that entry `index` is among the first `size`."""
        return self._get(Inclusion, "/audit/proof/inclusion", {"index": index, "size": size})

    def consistency(self, old: int, new: int) -> Consistency:
        """The proof that the log of `new` entries begins with that of `old`."""
        return self._get(Consistency, "/audit/proof/consistency", {"old": old, "new": new})

    def keys(self) -> Keys:
        """The public keys that outsiders verify with."""
        return self._get(Keys, "/audit/keys")

    def export(
        self,
        sink: BinaryIO,
        wanted: Mapping[str, str] = NOTHING_ASKED,
        views: Sequence[str] = (),
        kept: int | None = None,
    ) -> None:
        """Write a zip of the log's export folder into `sink`; with `wanted` that of an extract, which continues a
        checkpoint of the size `kept`.
        """
        params = [*wanted.items(), *(("view", one) for one in views), *([("kept", str(kept))] if kept else [])]
        path = "/audit/exports" + (f"?{urlencode(params)}" if params else "")
        self._download(path, sink, None, method="POST")

    def health(self) -> Health:
        """The process answers."""
        return self._get(Health, "/healthz")

    def readiness(self) -> Readiness:
        """Everything a request needs is there, or the problem that is in the way."""
        return self._get(Readiness, "/readyz")

    def metrics(self) -> str:
        """Counts about the process, in the text format of OpenMetrics scrapers."""
        return self._bytes("/metrics").decode()

    def problem(self, slug: str) -> ProblemPage:
        """What a problem means and what to do."""
        return self._get(ProblemPage, f"/problems/{slug}")
