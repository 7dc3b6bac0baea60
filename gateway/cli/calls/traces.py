"""Tracing leaked pictures."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from gateway.base.problems import Usage
from gateway.base.units import MIB
from gateway.cli.line import Line
from gateway.cli.shapes import Trace


class TraceCalls(Line):
    """From a leaked file to a copy."""

    def trace(self, path: Path, *, matter: str | None = None) -> Trace:
        """The copy that the file was made from, or nobody; with `matter` among that matter's copies alone."""

        def chunks() -> Iterator[bytes]:
            with path.open("rb") as file:
                while chunk := file.read(MIB):
                    yield chunk

        try:
            size_bytes = path.stat().st_size
        except OSError as error:
            raise Usage("The file to trace cannot be read; check its path.") from error
        return self._write(
            Trace,
            "POST",
            "/traces",
            params={"matter": matter} if matter else None,
            headers={"Content-Type": "application/octet-stream", "Content-Length": str(size_bytes)},
            stream=chunks,
            once=True,
        )
