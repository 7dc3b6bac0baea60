"""`multipart/form-data` (RFC 7578) without a copy in clear: the file's bytes go on to the vault as they are parsed.

1. The form is one part `kind`, then one part `file`; a page's own secret `csrf` may come before both. In another order
   the file would have to lie somewhere in clear until its kind is known, so that order is refused.
2. Every header line, every field and what follows the end is bounded; an unknown part refuses the form.
3. The form has ended only with its closing boundary.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Callable
from contextlib import ExitStack
from typing import Final, Self

from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser

from gateway.intake.service import Receiving
from gateway.web.headers import part_names_of
from gateway.web.problems import FormRefused, WrongContentType
from gateway.web.sign_in import FIELD

HEADER_LINES_MAX: Final = 8
HEADER_BYTES_MAX: Final = 2048
KIND_BYTES_MAX: Final = 64
EPILOGUE_BYTES_MAX: Final = 1024

_BOUNDARY = re.compile(
    r'(?i)multipart/form-data\s*;\s*boundary=(?:"([^"\\]{1,70})"|([!#$%&\'*+.^_`|~0-9A-Za-z-]{1,70}))\s*'
)
# The parser's own warnings repeat bytes of the body.
logging.getLogger("python_multipart").setLevel(logging.CRITICAL)


def boundary_of(content_type: str) -> bytes:
    """The boundary that a form's Content-Type names."""
    match = _BOUNDARY.fullmatch(content_type.strip())
    if match is None:
        raise WrongContentType("Send a form as Content-Type: multipart/form-data with its boundary and nothing else.")
    return (match[1] or match[2]).encode("ascii", "replace")


class Form:
    """One form on its way in; `open_file` is called with the kind once the file begins."""

    def __init__(self, boundary: bytes, open_file: Callable[[str, str | None], Receiving]) -> None:
        self.kind: str | None = None
        self.secret = ""
        self.file_name: str | None = None
        self._open_file = open_file
        self._file: Receiving | None = None
        self._stack = ExitStack()
        self._field: str | None = None
        self._ended = False
        self._epilogue_bytes = 0
        self._text = bytearray()
        self._name, self._value = bytearray(), bytearray()
        self._headers: dict[str, str] = {}
        self._parser = MultipartParser(
            boundary,
            {
                "on_part_begin": self._begin_part,
                "on_header_field": lambda data, start, end: self._name.extend(data[start:end]),
                "on_header_value": lambda data, start, end: self._value.extend(data[start:end]),
                "on_header_end": self._end_header,
                "on_headers_finished": self._open_part,
                "on_part_data": self._take,
                "on_part_end": self._end_part,
                "on_end": self._end,
            },
            max_header_count=HEADER_LINES_MAX,
            max_header_size=HEADER_BYTES_MAX,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self._stack.close()

    def write(self, untrusted_chunk: bytearray) -> None:
        """Parse the next bytes."""
        if self._ended:
            self._epilogue_bytes += len(untrusted_chunk)
            if self._epilogue_bytes > EPILOGUE_BYTES_MAX:
                raise FormRefused("More follows the form's end; end the body with the closing boundary.")
            return
        try:
            self._parser.write(untrusted_chunk)  # type: ignore[arg-type]  # it indexes and searches, nothing more
        except FormParserError as error:
            raise FormRefused("The form is not well-formed; send it as RFC 7578 describes.") from error

    def finish(self) -> tuple[str, Receiving]:
        """The kind and the whole file, once the form has ended."""
        if not self._ended:
            raise FormRefused("The form breaks off before its closing boundary; send it again.")
        if self.kind is None or self._file is None:
            raise FormRefused("Send a form of one field `kind`, then one file named `file`.")
        return self.kind, self._file

    def _begin_part(self) -> None:
        self._headers = {}

    def _end_header(self) -> None:
        try:
            name, value = self._name.decode("ascii").lower(), self._value.decode("utf-8")
        except UnicodeDecodeError as error:
            raise FormRefused("A header of a part is not UTF-8; send names in UTF-8.") from error
        if name in self._headers:
            raise FormRefused("A part names a header twice; name each once.")
        self._headers[name] = value
        self._name, self._value = bytearray(), bytearray()

    def _open_part(self) -> None:
        self._field, file_name = part_names_of(self._headers.get("content-disposition", ""))
        if self._headers.get("content-transfer-encoding", "binary").strip().lower() not in {"binary", "8bit", "7bit"}:
            raise FormRefused("Send the file's bytes as they are, without Content-Transfer-Encoding.")
        if self._field in {"kind", FIELD} and self.kind is None:
            self._text.clear()
            return
        if self._field != "file" or self._file is not None:
            raise FormRefused("Send a form of one field `kind`, then one file named `file`, and nothing else.")
        if self.kind is None:
            raise FormRefused("Send `kind` before `file`: the file is encrypted as it arrives and never lies in clear.")
        self.file_name = file_name
        self._file = self._stack.enter_context(self._open_file(self.kind, self._headers.get("content-digest")))

    def _take(self, data: bytes | bytearray, start: int, end: int) -> None:
        if self._field == "file" and self._file is not None:
            # The parser's own boundary comes back where a part of it turned out to be data.
            self._file.write(memoryview(data)[start:end])
        else:
            self._text += data[start:end]
            if len(self._text) > KIND_BYTES_MAX:
                raise FormRefused(f"The field `kind` is longer than {KIND_BYTES_MAX} bytes; send a kind's name.")

    def _end_part(self) -> None:
        if self._field in {"kind", FIELD}:
            try:
                text = self._text.decode("utf-8")
            except UnicodeDecodeError as error:
                raise FormRefused("The field `kind` is not UTF-8; send a kind's name.") from error
            if self._field == "kind":
                self.kind = text
            else:
                self.secret = text
        self._field = None

    def _end(self) -> None:
        self._ended = True
