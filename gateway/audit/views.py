"""The entries in the forms of other programs, made of the leaves alone, each with its leaf's hash to lead back to it.

1. A view proves nothing by itself: the hash is the key by which a line is joined with the entry that is proven.
2. One entry is one line; nothing in an entry can begin another line, field or formula.
3. Nothing is shown that is not in the leaf: of a body its commitment.
"""

from __future__ import annotations

import csv
import hashlib
import io
import json
import re
from collections.abc import Callable, Collection, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from types import MappingProxyType, TracebackType
from typing import Any, BinaryIO, Self

from gateway.audit.model import NoSuchView
from gateway.base.canon import canonical
from gateway.seal.merkle import leaf_hash

COLUMNS = ("index", "leaf_hash", "at", "type", "actor", "matter", "seq", "prev", "subject", "facts", "body")
PARQUET = "parquet"
LEAVES = "jsonl"

# RFC 5612 keeps this number for examples; the name beside it says whose fields these are.
_SD_ID = "entry@32473"
# RFC 5424: facility 13 (log audit); severity 6 (informational) for what was done, 4 (warning) for what was refused.
_PRIORITY, _PRIORITY_REFUSED = 13 * 8 + 6, 13 * 8 + 4
_PRODUCT = "Disclosure Gateway"
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")
_UNSAFE = re.compile(r"[\x00-\x1f\x7f\x85\u2028\u2029]")


@dataclass(frozen=True, slots=True)
class Line:
    """One entry as the views tell it; `fields` has the names of `COLUMNS`, absent ones as None."""

    origin: str
    leaf: bytes
    fields: Mapping[str, Any]

    @classmethod
    def of(cls, origin: str, index: int, leaf: bytes) -> Line:
        """The entry in `leaf`, which is number `index` of the log of this name."""
        entry = json.loads(leaf)
        told = {"index": index, "leaf_hash": leaf_hash(leaf).hex(), **entry}
        told["facts"] = canonical(entry["facts"]).decode()
        return cls(origin, leaf, {name: told.get(name) for name in COLUMNS})

    @property
    def refused(self) -> bool:
        """Whether this is an act that was not done."""
        return str(self.fields["type"]).endswith(".refused")


def csv_line(line: Line) -> bytes:
    """RFC 4180; a text that a spreadsheet would take for a formula begins with an apostrophe."""
    sink = io.StringIO(newline="")
    csv.writer(sink, lineterminator="\r\n").writerow([_cell(line.fields[name]) for name in COLUMNS])
    return sink.getvalue().encode()


def ocsf_line(line: Line) -> bytes:
    """OCSF 1.9.0: a base event (class 0) with the profiles `host` and `record_integrity`, in canonical JSON.

    Its attestation's fingerprint is over the event without it, as the profile says; `metadata.uid` is the leaf's hash.
    """
    fields = line.fields
    raw = line.leaf.decode()
    refused = line.refused
    attestation: dict[str, Any] = {"uid": fields["leaf_hash"], "chain_uid": line.origin, "authority_uid": line.origin}
    event: dict[str, Any] = {
        "activity_id": 99,
        "activity_name": fields["type"],
        "category_uid": 0,
        "class_uid": 0,
        "type_uid": 99,
        "severity_id": 3 if refused else 1,
        "status_id": 2 if refused else 1,
        "time": _milliseconds(fields["at"]),
        "actor": {"user": {"uid": fields["actor"]}},
        "metadata": {
            "version": "1.9.0",
            "profiles": ["host", "record_integrity"],
            "product": {"name": _PRODUCT, "vendor_name": _PRODUCT},
            "log_name": line.origin,
            "event_code": fields["type"],
            "original_time": fields["at"],
            "sequence": fields["index"],
            "uid": fields["leaf_hash"],
        },
        "raw_data": raw,
        "raw_data_hash": _fingerprint(line.leaf),
        "unmapped": {name: fields[name] for name in ("matter", "seq", "prev", "subject", "body") if fields[name]},
        "attestation_list": [attestation],
    }
    attestation["fingerprint"] = {**_fingerprint(canonical(event)), "serialization_id": 2, "serialization": "JCS"}
    return canonical(event) + b"\n"


def cef_line(line: Line) -> bytes:
    """ArcSight Common Event Format, version 0."""
    fields = line.fields
    head = ("CEF:0", _PRODUCT, "gateway", "1", fields["type"], fields["type"], 6 if line.refused else 3)
    told = {
        "rt": _milliseconds(fields["at"]),
        "externalId": fields["index"],
        "dvchost": line.origin,
        "suid": fields["actor"],
        "duid": fields["subject"],
        **_labelled("cs", 1, "leafHash", fields["leaf_hash"]),
        **_labelled("cs", 2, "matter", fields["matter"]),
        **_labelled("cs", 3, "facts", fields["facts"]),
        **_labelled("cs", 4, "body", fields["body"]),
        **_labelled("cs", 5, "prev", fields["prev"]),
        **_labelled("cn", 1, "seq", fields["seq"]),
    }
    header = "|".join(_plain(str(one)).replace("\\", "\\\\").replace("|", "\\|") for one in head)
    extension = " ".join(f"{name}={_cef_value(value)}" for name, value in told.items() if value is not None)
    return f"{header}|{extension}\n".encode()


def syslog_line(line: Line) -> bytes:
    """RFC 5424, one message a line; what is told stands in the structured data, the facts also as the message."""
    fields = line.fields
    names = ("index", "leaf_hash", "type", "actor", "matter", "seq", "prev", "subject", "body")
    told = " ".join(f'{name}="{_sd_value(fields[name])}"' for name in names if fields[name] is not None)
    header = f"<{_PRIORITY_REFUSED if line.refused else _PRIORITY}>1 {fields['at']}"
    host, kind = _printable(line.origin, 255), _printable(fields["type"], 32)
    return f"{header} {host} gateway - {kind} [{_SD_ID} {told}] {_plain(fields['facts'])}\n".encode()


# Name of a view → its file, what stands before the first line, how a line is made.
LINES: Mapping[str, tuple[str, bytes, Callable[[Line], bytes]]] = MappingProxyType(
    {
        "csv": ("entries.csv", (",".join(COLUMNS) + "\r\n").encode(), csv_line),
        "ocsf": ("entries.ocsf.jsonl", b"", ocsf_line),
        "cef": ("entries.cef", b"", cef_line),
        "syslog": ("entries.syslog", b"", syslog_line),
    }
)
NAMES = (*LINES, PARQUET)


def check_views(views: Collection[str]) -> None:
    """Raise `NoSuchView` where one of these is none."""
    for name in views:
        if name not in NAMES:
            raise NoSuchView(f"The views of an export are {', '.join(NAMES)}.")


def tail_line(form: str) -> Callable[[str, int, bytes], bytes]:
    """How an entry of a log of this name and this index becomes a line: as its leaf, or as a view; `NoSuchView`."""
    if form == LEAVES:
        return lambda _origin, _index, leaf: leaf + b"\n"
    if form not in LINES:
        raise NoSuchView(f"Entries are followed as {', '.join((LEAVES, *LINES))}.")
    make = LINES[form][2]
    return lambda origin, index, leaf: make(Line.of(origin, index, leaf))


class Viewing:
    """Writes the views that are asked for beside the entries, one entry after the other."""

    def __init__(self, folder: Path, views: Collection[str], origin: str) -> None:
        check_views(views)
        self._folder = folder
        self._views = frozenset(views)
        self._origin = origin
        self._files: list[tuple[BinaryIO, Callable[[Line], bytes]]] = []
        self._stack = ExitStack()
        self.count = 0

    def __enter__(self) -> Self:
        for name in sorted(self._views & LINES.keys()):
            path, head, make = LINES[name]
            file = self._stack.enter_context((self._folder / path).open("wb"))
            file.write(head)
            self._files.append((file, make))
        if PARQUET in self._views:
            file = self._stack.enter_context(self._rows.open("wb"))
            self._files.append((file, _row))
        return self

    def take(self, index: int, leaf: bytes) -> None:
        """The next entry, which is number `index` of the log."""
        if self._files:
            line = Line.of(self._origin, index, leaf)
            for file, make in self._files:
                file.write(make(line))
        self.count += 1

    def __exit__(
        self, kind: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        self._stack.close()
        if PARQUET in self._views and kind is None:
            _to_parquet(self._rows, self._folder / "entries.parquet")
        self._rows.unlink(missing_ok=True)

    @property
    def _rows(self) -> Path:
        return self._folder / "entries.parquet.rows"


def _to_parquet(rows: Path, target: Path) -> None:
    """Row by row from one file into the other; memory does not grow with their number."""
    import polars as pl  # noqa: PLC0415 too heavy for a process that writes none

    schema = {name: pl.Int64 if name in ("index", "seq") else pl.String for name in COLUMNS}
    if rows.stat().st_size:
        pl.scan_ndjson(rows, schema=schema).sink_parquet(target)
    else:
        pl.DataFrame(schema=schema).write_parquet(target)


def _row(line: Line) -> bytes:
    return canonical(line.fields) + b"\n"


def _cell(value: object) -> object:
    if not isinstance(value, str):
        return value
    return _UNSAFE.sub(" ", value) if not value.startswith(_FORMULA) else "'" + _UNSAFE.sub(" ", value)


def _labelled(kind: str, number: int, label: str, value: object) -> dict[str, object]:
    return {} if value is None else {f"{kind}{number}Label": label, f"{kind}{number}": value}


def _cef_value(value: object) -> str:
    return _plain(str(value).replace("\\", "\\\\").replace("=", "\\=").replace("\r", "\\r").replace("\n", "\\n"))


def _sd_value(value: object) -> str:
    return _plain(re.sub(r'(["\\\]])', r"\\\1", str(value)))


def _plain(text: str) -> str:
    """Without what a program may take for the end of the line."""
    return _UNSAFE.sub(" ", text)


def _printable(text: str, chars_max: int) -> str:
    return re.sub(r"[^!-~]", "?", text)[:chars_max] or "-"


def _milliseconds(at: str) -> int:
    moment = datetime.fromisoformat(at)
    return int(moment.timestamp()) * 1000 + moment.microsecond // 1000


def _fingerprint(data: bytes) -> dict[str, Any]:
    return {"algorithm_id": 3, "algorithm": "SHA-256", "value": hashlib.sha256(data).hexdigest()}
