"""A new CSV file: RFC 4180 in UTF-8 with a byte order mark (without it Excel shows Chinese as rubbish), CRLF."""

from __future__ import annotations

import csv
import io

from gateway.formats.table import OutTable

MEDIA_TYPE = "text/csv"


def written(out: OutTable) -> bytes:
    """The file's bytes, quotes only where needed; the same for the same table."""
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\r\n")
    writer.writerow(out.titles)
    writer.writerows(zip(*out.columns, strict=True))
    return text.getvalue().encode("utf-8-sig")
