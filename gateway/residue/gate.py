"""The one dispatch point of the gate: what no check exists for is refused."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from gateway.marks.visible import FILM, PAGE, STRIP, mark_mask
from gateway.residue import docx, foreign_mp4, pdf, xlsx
from gateway.residue.document import check_document
from gateway.residue.foreign_archive import in_members
from gateway.residue.layers import Budget
from gateway.residue.model import (
    DocumentExpectation,
    Expectation,
    Finding,
    Kind,
    Ledger,
    PictureExpectation,
    Report,
    RetypedExpectation,
    StructuredExpectation,
    TableExpectation,
    TextExpectation,
    UnknownRendition,
    VideoExpectation,
    WithheldSet,
    WithheldValue,
    unique,
)
from gateway.residue.near import near_in
from gateway.residue.picture import JPEG, PNG, check_picture, in_raw
from gateway.residue.structured import check_structured
from gateway.residue.table import check_table
from gateway.residue.text import check_text, in_lines
from gateway.residue.values import Needles
from gateway.residue.video import check_video

CSV, PDF = "text/csv", "application/pdf"
TEXTS = frozenset({"text/plain", "text/csv", "text/markdown", "application/json"})
ODS = "application/vnd.oasis.opendocument.spreadsheet"
ARCHIVES = frozenset({xlsx.MEDIA_TYPE, ODS, docx.MEDIA_TYPE})
FOREIGN = frozenset({JPEG, PNG, PDF}) | TEXTS | ARCHIVES

_MOST_FIELDS = 64


def check(
    rendition: bytes, expectation: Expectation, withheld: WithheldSet | Needles, reference: bytes = b""
) -> Report:
    """Read `rendition` again and report. Raises `UnknownRendition` where no check exists; never passes silently.

    `reference` are pixels of the original that must be seen again, where the expectation says which.

    Making a large withheld set searchable takes longer than searching a short text: who checks several texts against
    one set compiles it once, as `Needles`, with the mark among its constants.
    """
    match expectation:
        case TableExpectation(media_type="text/csv" | xlsx.MEDIA_TYPE):
            check_rows = check_table if expectation.media_type == CSV else xlsx.check_workbook
            return check_rows(rendition, expectation, _needles(withheld, expectation.mark_text))
        case StructuredExpectation(media_type="application/json" | "application/xml" | "text/plain"):
            return check_structured(rendition, expectation, _needles(withheld, expectation.mark_text))
        case PictureExpectation(media_type="image/jpeg" | "image/png"):
            needles = _needles(withheld, expectation.mark_text)
            return check_picture(rendition, expectation, needles, mark_mask, plain=reference)
        case DocumentExpectation() | RetypedExpectation():
            return _check_document(rendition, expectation, _needles(withheld, expectation.mark_text), reference)
        case VideoExpectation():
            return check_video(rendition, expectation, _needles(withheld, expectation.mark_text), _film_mask)
        case TextExpectation() if expectation.media_type in TEXTS | {PDF}:
            read_again = pdf.check_pdf if expectation.media_type == PDF else check_text
            return read_again(rendition, expectation, _needles(withheld))
    raise UnknownRendition(
        "The gate has no check for this sort of file; release it in a format that it can read again."
    )


def _check_document(
    rendition: bytes, expectation: DocumentExpectation | RetypedExpectation, needles: Needles, reference: bytes
) -> Report:
    if isinstance(expectation, RetypedExpectation):
        return docx.check_retyped(rendition, expectation, needles, reference, mark_mask)
    mask_of = _strip_mask if expectation.originals_px else _page_mask
    return check_document(rendition, expectation, needles, mask_of, reference)


def _page_mask(size_px: tuple[int, int], mark_text: str) -> NDArray[np.int8]:
    return mark_mask(size_px, mark_text, PAGE)


def _strip_mask(size_px: tuple[int, int], mark_text: str) -> NDArray[np.int8]:
    return mark_mask(size_px, mark_text, STRIP)


def _film_mask(size_px: tuple[int, int], mark_text: str) -> NDArray[np.int8]:
    return mark_mask(size_px, mark_text, FILM)


def _needles(withheld: WithheldSet | Needles, *constants: str) -> Needles:
    return withheld if isinstance(withheld, Needles) else Needles(withheld, constants)


def check_foreign(
    untrusted_data: bytes, media_type: str, withheld: WithheldSet, told: Mapping[str, Sequence[str]] | None = None
) -> Report:
    """Search a file that somebody else made or redacted, knowing only the values: no structure is expected of it.

    Finds text, encodings and compressed streams; it does not see what is drawn in pixels. `told` is what a reader of
    the format made of it, texts by place; what is found there is named with the field that it belongs to. Raises
    `UnknownRendition` for media types that the gate cannot look into, where no reader was asked.
    """
    if told is None and media_type not in FOREIGN:
        raise UnknownRendition(
            "The gate cannot look into this sort of file; it knows CSV, text, JSON, XLSX, ODS, DOCX, PDF, JPEG and PNG."
        )
    needles = Needles(withheld)
    ledger = Ledger("foreign", ("byte search", *(("reader of the format",) if told else ())), counts=needles.counts())
    budget = Budget()
    text = _foreign_text(untrusted_data) if media_type in TEXTS else None
    if told:
        ledger.note("read", unique(_in_told(told, withheld, needles, budget)))
    if text is not None:
        ledger.note("text", unique(in_lines(text, "the text", needles, budget)))
    if media_type == PDF:
        ledger.note("text", unique(pdf.in_texts(untrusted_data, needles, budget)))
    if media_type in foreign_mp4.MEDIA_TYPES:
        ledger.counts |= foreign_mp4.parts(untrusted_data)
    if media_type in ARCHIVES:
        ledger.note("text", unique(in_members(untrusted_data, needles, budget)))
    ledger.note("values", unique(in_raw(untrusted_data, needles, budget)))
    ledger.note("bounds", [Finding(Kind.BOUND, "the file")] if budget.exhausted else [])
    return ledger.report()


Said = tuple[int, str | None]


def compare(texts: Sequence[str], withheld: WithheldSet) -> tuple[list[Said], list[Said]]:
    """Which texts that were read in pixels say a withheld value, and which of the others nearly say one.

    Each with the index of the text and the field that the value was withheld from; no field where that is not known.
    """
    needles, budget = Needles(withheld), Budget()
    told = {str(index): (text,) for index, text in enumerate(texts)}
    said = dict.fromkeys((int(one.place), one.field) for one in _in_told(told, withheld, needles, budget))
    nearly = dict.fromkeys(one for one in near_in(texts, withheld, needles) if one not in said)
    known = {index for index, field in (*said, *nearly) if field is not None}
    return [*said], [one for one in nearly if one[1] is not None or one[0] not in known]


def _in_told(
    told: Mapping[str, Sequence[str]], withheld: WithheldSet, needles: Needles, budget: Budget
) -> Iterator[Finding]:
    """Finds in what a reader told; only where there are any is each field's part of the set searched for apart."""
    texts = [text for one in told.values() for text in one]
    places = [place for place, one in told.items() for _ in one]
    if next(needles.in_texts(texts, budget), None) is None:
        return
    for field, values in _by_field(withheld).items():
        for hit in Needles(values).in_texts(texts, budget):
            yield Finding(hit.kind, places[hit.unit], field)


def _by_field(withheld: WithheldSet) -> dict[str, WithheldSet]:
    """The set apart for each field; where there are many, for each sort of field."""
    many = len({value.field for value in withheld.values}) > _MOST_FIELDS
    groups: dict[str, list[WithheldValue]] = {}
    for value in withheld.values:
        groups.setdefault(value.field.partition("/")[0] if many else value.field, []).append(value)
    return {group: replace(withheld, values=tuple(values)) for group, values in groups.items()}


def _foreign_text(data: bytes) -> str | None:
    if data[:2] in {b"\xff\xfe", b"\xfe\xff"}:
        return data.decode("utf-16", "replace")
    for charset in ("utf-8-sig", "gb18030"):
        try:
            return data.decode(charset)
        except UnicodeDecodeError:
            continue
    return data.decode("latin-1")
