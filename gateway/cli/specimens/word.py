"""A document as an office's word processor saves it: styles, numbered clauses, tables, header and footer.

Beside what is printed there is what nobody thinks of: a comment, words that are hidden, an author's name.
"""

from __future__ import annotations

import io
import zipfile
from collections.abc import Sequence
from xml.sax.saxutils import escape

_W = "http://schemas.openxmlformats.org/wordprocessingml/2006/main"
_OFFICE = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
_PACKAGE = "http://schemas.openxmlformats.org/package/2006"
_SORT = "application/vnd.openxmlformats-officedocument.wordprocessingml"
_PARTS = {
    "styles": "styles",
    "numbering": "numbering",
    "comments": "comments",
    "header1": "header",
    "footer1": "footer",
}


def heading(text: str) -> str:
    """The numbered heading of a clause."""
    return _paragraph(_run(text), '<w:pStyle w:val="Heading1"/>')


def title(text: str) -> str:
    """The document's title."""
    return _paragraph(_run(text), '<w:pStyle w:val="Title"/>')


def clause(text: str) -> str:
    """A numbered paragraph of the clause that it stands in."""
    return _paragraph(_run(text), '<w:numPr><w:ilvl w:val="1"/><w:numId w:val="1"/></w:numPr><w:jc w:val="both"/>')


def body(text: str, *, hidden: str = "", note: bool = False) -> str:
    """A paragraph; `hidden` stands in it unseen, and a `note` hangs on it."""
    unseen = _run(f" {hidden}", "<w:vanish/>") if hidden else ""
    mark = '<w:r><w:commentReference w:id="0"/></w:r>' if note else ""
    return _paragraph(_run(text) + unseen + mark)


def table(rows: Sequence[Sequence[str]], widths: Sequence[int], *, ruled: bool = True) -> str:
    """A table with a head, or without rules, as signatures stand side by side."""
    border = "".join(
        f'<w:{side} w:val="{"single" if ruled else "nil"}" w:sz="4"/>'
        for side in ("top", "left", "bottom", "right", "insideH", "insideV")
    )
    lines = []
    for number, row in enumerate(rows):
        bold = "<w:b/>" if ruled and number == 0 else ""
        cells = "".join(
            f'<w:tc><w:tcPr><w:tcW w:w="{width}" w:type="dxa"/></w:tcPr>{_paragraph(_run(text, bold))}</w:tc>'
            for text, width in zip(row, widths, strict=True)
        )
        lines.append(f"<w:tr>{cells}</w:tr>")
    grid = "".join(f'<w:gridCol w:w="{width}"/>' for width in widths)
    looks = f"<w:tblPr><w:tblBorders>{border}</w:tblBorders></w:tblPr>"
    return f"<w:tbl>{looks}<w:tblGrid>{grid}</w:tblGrid>{''.join(lines)}</w:tbl>"


def written(blocks: Sequence[str], *, header: str, footer: str, comment: str, author: str) -> bytes:
    """The document's bytes; the same for the same blocks."""
    section = (
        '<w:sectPr><w:headerReference w:type="default" r:id="rId4"/><w:footerReference w:type="default" r:id="rId5"/>'
        '<w:pgSz w:w="11906" w:h="16838"/><w:pgMar w:top="1701" w:right="1418" w:bottom="1418" w:left="1418"'
        ' w:header="709" w:footer="709" w:gutter="0"/></w:sectPr>'
    )
    note = f'<w:comment w:id="0" w:author="{escape(author)}" w:initials="X">{_paragraph(_run(comment))}</w:comment>'
    parts = {
        "[Content_Types].xml": _types(),
        "_rels/.rels": _related(("officeDocument", "word/document.xml"), ("core-properties", "docProps/core.xml")),
        "docProps/core.xml": f'<p xmlns:dc="http://purl.org/dc/elements/1.1/"><dc:creator>{author}</dc:creator></p>',
        "word/document.xml": _part("document", f"<w:body>{''.join(blocks)}{section}</w:body>"),
        "word/_rels/document.xml.rels": _related(*((sort, f"{name}.xml") for name, sort in _PARTS.items())),
        "word/styles.xml": _part("styles", _STYLES),
        "word/numbering.xml": _part("numbering", _NUMBERING),
        "word/comments.xml": _part("comments", note),
        "word/header1.xml": _part("hdr", _paragraph(_run(header), '<w:jc w:val="right"/>')),
        "word/footer1.xml": _part("ftr", _paragraph(_run(footer), '<w:jc w:val="center"/>')),
    }
    sink = io.BytesIO()
    with zipfile.ZipFile(sink, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, text in parts.items():
            member = zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0))
            member.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(member, f'<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\n{text}')
    return sink.getvalue()


_STYLES = (
    '<w:docDefaults><w:rPrDefault><w:rPr><w:rFonts w:ascii="Calibri" w:hAnsi="Calibri" w:eastAsia="SimSun"/>'
    '<w:sz w:val="21"/></w:rPr></w:rPrDefault><w:pPrDefault><w:pPr><w:spacing w:after="120"/></w:pPr></w:pPrDefault>'
    "</w:docDefaults>"
    '<w:style w:type="paragraph" w:default="1" w:styleId="Normal"><w:name w:val="Normal"/></w:style>'
    '<w:style w:type="paragraph" w:styleId="Title"><w:name w:val="Title"/><w:pPr><w:spacing w:after="240"/></w:pPr>'
    '<w:rPr><w:b/><w:sz w:val="36"/></w:rPr></w:style>'
    '<w:style w:type="paragraph" w:styleId="Heading1"><w:name w:val="heading 1"/><w:basedOn w:val="Normal"/><w:pPr>'
    '<w:keepNext/><w:numPr><w:ilvl w:val="0"/><w:numId w:val="1"/></w:numPr><w:spacing w:before="280" w:after="100"/>'
    '<w:outlineLvl w:val="0"/></w:pPr><w:rPr><w:b/><w:sz w:val="25"/></w:rPr></w:style>'
)
_NUMBERING = (
    '<w:abstractNum w:abstractNumId="0"><w:multiLevelType w:val="multilevel"/>'
    '<w:lvl w:ilvl="0"><w:start w:val="1"/><w:numFmt w:val="decimal"/><w:lvlText w:val="§ %1"/>'
    '<w:pPr><w:ind w:left="567" w:hanging="567"/></w:pPr></w:lvl>'
    '<w:lvl w:ilvl="1"><w:start w:val="1"/><w:numFmt w:val="decimal"/><w:lvlText w:val="%1.%2"/>'
    '<w:pPr><w:ind w:left="567" w:hanging="567"/></w:pPr></w:lvl></w:abstractNum>'
    '<w:num w:numId="1"><w:abstractNumId w:val="0"/></w:num>'
)


def _paragraph(inside: str, properties: str = "") -> str:
    return f"<w:p>{f'<w:pPr>{properties}</w:pPr>' if properties else ''}{inside}</w:p>"


def _run(text: str, properties: str = "") -> str:
    looks = f"<w:rPr>{properties}</w:rPr>" if properties else ""
    return f'<w:r>{looks}<w:t xml:space="preserve">{escape(text)}</w:t></w:r>'


def _part(root: str, inside: str) -> str:
    return f'<w:{root} xmlns:w="{_W}" xmlns:r="{_OFFICE}">{inside}</w:{root}>'


def _types() -> str:
    sorts = {"document": "document.main", **_PARTS}
    lines = (
        f'<Override PartName="/word/{part}.xml" ContentType="{_SORT}.{sort}+xml"/>' for part, sort in sorts.items()
    )
    rels = '<Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
    xml = '<Default Extension="xml" ContentType="application/xml"/>'
    return f'<Types xmlns="{_PACKAGE}/content-types">{rels}{xml}{"".join(lines)}</Types>'


def _related(*targets: tuple[str, str]) -> str:
    lines = (
        f'<Relationship Id="rId{number}" Type="{_OFFICE}/{sort}" Target="{target}"/>'
        for number, (sort, target) in enumerate(targets, 1)
    )
    return f'<Relationships xmlns="{_PACKAGE}/relationships">{"".join(lines)}</Relationships>'
