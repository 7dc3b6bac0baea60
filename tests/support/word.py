"""Word documents for tests, put together by hand: one that an office might send, and any part of it replaced."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Mapping, Sequence
from xml.sax.saxutils import escape

DOCX = "application/vnd.openxmlformats-officedocument.wordprocessingml.document"
W = "http://schemas.openxmlformats.org/wordprocessingml/2006/main"
_SORT = "application/vnd.openxmlformats-officedocument.wordprocessingml"
_RELATION = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
_MAIN = "word/document.xml"
_NAMESPACES = (
    f'xmlns:w="{W}" xmlns:r="{_RELATION}" xmlns:mc="http://schemas.openxmlformats.org/markup-compatibility/2006" '
    'xmlns:wp="http://schemas.openxmlformats.org/drawingml/2006/wordprocessingDrawing" '
    'xmlns:wps="http://schemas.microsoft.com/office/word/2010/wordprocessingShape" '
    'xmlns:a="http://schemas.openxmlformats.org/drawingml/2006/main" '
    'xmlns:pic="http://schemas.openxmlformats.org/drawingml/2006/picture" '
    'xmlns:m="http://schemas.openxmlformats.org/officeDocument/2006/math" '
    'xmlns:w14="http://schemas.microsoft.com/office/word/2010/wordml" '
    'xmlns:v="urn:schemas-microsoft-com:vml"'
)
STYLES = (
    '<w:docDefaults><w:rPrDefault><w:rPr><w:sz w:val="22"/></w:rPr></w:rPrDefault></w:docDefaults>'
    '<w:style w:type="paragraph" w:default="1" w:styleId="Standard"><w:name w:val="Normal"/></w:style>'
    '<w:style w:type="paragraph" w:styleId="T"><w:name w:val="Title"/></w:style>'
    '<w:style w:type="paragraph" w:styleId="H1"><w:name w:val="heading 1"/></w:style>'
    '<w:style w:type="paragraph" w:styleId="H2"><w:name w:val="heading 2"/><w:basedOn w:val="H1"/></w:style>'
    '<w:style w:type="character" w:styleId="Weg"><w:name w:val="Weg"/><w:rPr><w:vanish/></w:rPr></w:style>'
)
NUMBERING = (
    '<w:abstractNum w:abstractNumId="1">'
    '<w:lvl w:ilvl="0"><w:start w:val="1"/><w:numFmt w:val="decimal"/><w:lvlText w:val="%1."/></w:lvl>'
    '<w:lvl w:ilvl="1"><w:start w:val="1"/><w:numFmt w:val="lowerLetter"/><w:lvlText w:val="%1.%2)"/></w:lvl>'
    "</w:abstractNum>"
    '<w:abstractNum w:abstractNumId="2">'
    '<w:lvl w:ilvl="0"><w:start w:val="1"/><w:numFmt w:val="bullet"/><w:lvlText w:val="-"/></w:lvl></w:abstractNum>'
    '<w:num w:numId="1"><w:abstractNumId w:val="1"/></w:num><w:num w:numId="2"><w:abstractNumId w:val="2"/></w:num>'
)


def p(*runs: str, style: str = "", numbered: tuple[int, int] | None = None, properties: str = "") -> str:
    """A paragraph of runs; a run that is plain text is wrapped into one."""
    inside = f'<w:pStyle w:val="{style}"/>' if style else ""
    if numbered:
        inside += f'<w:numPr><w:ilvl w:val="{numbered[1]}"/><w:numId w:val="{numbered[0]}"/></w:numPr>'
    inside += properties
    body = "".join(run if run.startswith("<") else r(run) for run in runs)
    return f"<w:p>{f'<w:pPr>{inside}</w:pPr>' if inside else ''}{body}</w:p>"


def r(text: str, properties: str = "") -> str:
    """A run of text."""
    looks = f"<w:rPr>{properties}</w:rPr>" if properties else ""
    return f'<w:r>{looks}<w:t xml:space="preserve">{escape(text)}</w:t></w:r>'


def table(*rows: Sequence[str], widths: Sequence[int] = ()) -> str:
    """A table of cells; a cell that is plain text is wrapped into a paragraph."""
    grid = "".join(f'<w:gridCol w:w="{width}"/>' for width in widths or [3000] * max(map(len, rows)))
    lines = "".join(
        "<w:tr>" + "".join(f"<w:tc>{cell if cell.startswith('<w:') else p(cell)}</w:tc>" for cell in row) + "</w:tr>"
        for row in rows
    )
    return f"<w:tbl><w:tblGrid>{grid}</w:tblGrid>{lines}</w:tbl>"


def picture(
    relation: str = "r2",
    size_cm: tuple[float, float] = (10, 7.5),
    *,
    cut: str = "",
    blip: str = "",
    embed: str = "embed",
    shape: str = '<a:prstGeom prst="rect"/>',
    fill: str = "<a:stretch><a:fillRect/></a:stretch>",
    frame: str = "inline",
    named: str = "",
    beside: str = "",
) -> str:
    """A run with a picture; each part of how it is seen can be replaced."""
    sides = " ".join(f'{name}="{round(side * 360_000)}"' for name, side in zip(("cx", "cy"), size_cm, strict=True))
    inside = f'<a:blip r:{embed}="{relation}">{blip}</a:blip>{f"<a:srcRect {cut}/>" if cut else ""}{fill}'
    drawn = f"<pic:pic><pic:blipFill>{inside}</pic:blipFill><pic:spPr>{shape}</pic:spPr></pic:pic>{beside}"
    tag = frame.partition(" ")[0]
    return (
        f'<w:r><w:drawing><wp:{frame}><wp:extent {sides}/><wp:docPr id="1" name="n" {named}/><a:graphic>'
        f"<a:graphicData>{drawn}</a:graphicData></a:graphic></wp:{tag}></w:drawing></w:r>"
    )


def part(root: str, body: str) -> str:
    """A part with this root element."""
    return f'<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\n<w:{root} {_NAMESPACES}>{body}</w:{root}>'


def docx(
    *body: str,
    parts: Mapping[str, tuple[str, str | bytes]] | None = None,
    raw: Mapping[str, str | bytes] | None = None,
    styles: str = STYLES,
    main: str = "document",
    links: Sequence[str] = (),
) -> bytes:
    """A document of these blocks. `parts` are related to it: name → relationship and content; `raw` are not.

    The first of them is `r2` to the document, the next `r3`, and so on.
    """
    related: dict[str, tuple[str, str | bytes]] = {
        "styles.xml": ("styles", part("styles", styles)),
        "numbering.xml": ("numbering", part("numbering", NUMBERING)),
        **(parts or {}),
    }
    relations = "".join(
        f'<Relationship Id="r{at}" Type="{_RELATION}/{sort}" Target="{name}"/>'
        for at, (name, (sort, _)) in enumerate(related.items())
    )
    relations += "".join(
        f'<Relationship Id="x{at}" Type="{_RELATION}/hyperlink" Target="{link}" TargetMode="External"/>'
        for at, link in enumerate(links)
    )
    members: dict[str, str | bytes] = {
        "[Content_Types].xml": '<Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types">'
        '<Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
        '<Default Extension="xml" ContentType="application/xml"/>'
        '<Default Extension="bin" ContentType="application/octet-stream"/>'
        '<Default Extension="png" ContentType="image/png"/>'
        f'<Override PartName="/word/styles.xml" ContentType="{_SORT}.styles+xml"/>'
        f'<Override PartName="/word/document.xml" ContentType="{_SORT}.{main}.main+xml"/></Types>',
        "_rels/.rels": _relations(
            f'<Relationship Id="a" Type="{_RELATION}/officeDocument" Target="word/document.xml"/>'
        ),
        _MAIN: part("document", f"<w:body>{''.join(body)}</w:body>"),
        "word/_rels/document.xml.rels": _relations(relations),
        **{f"word/{name}": content for name, (_, content) in related.items()},
        **(raw or {}),
    }
    return packed(members)


def packed(members: Mapping[str, str | bytes]) -> bytes:
    """An archive of these members."""
    sink = io.BytesIO()
    with zipfile.ZipFile(sink, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(zipfile.ZipInfo(name, (2026, 1, 1, 0, 0, 0)), content, zipfile.ZIP_DEFLATED)
    return sink.getvalue()


def _relations(inside: str) -> str:
    return (
        f'<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships">{inside}</Relationships>'
    )


def agreement(*more: str) -> bytes:
    """A contract as an office writes it."""
    return docx(
        p("Framework supply agreement No. 4711", style="T"),
        p("between Nordwerk Antriebe GmbH, Kiel, and 赣州千里磁材有限公司 (the supplier)."),
        p("Subject", style="H1"),
        p("The supplier delivers sintered magnets of grade N42SH for traction motors. " * 3, numbered=(1, 0)),
        p("Magnets are delivered magnetised.", numbered=(1, 1)),
        p("Dimensions follow annex A.", numbered=(1, 1)),
        p("End use is civil; no part is made for a military end user.", numbered=(1, 0)),
        p("Quantities and prices", style="H2"),
        table(
            ("Item", "Quantity", "Unit price"),
            ("Magnet N42SH 40x20x5", "12,000 pcs", "EUR 48,211.00"),
            ("Magnet N48 20x10x4", "4,500 pcs", "EUR 9,310.00"),
            widths=(5000, 2000, 2500),
        ),
        p("最终用户承诺：上述货物仅用于民用牵引电机，不用于任何军事用途，亦不转让给第三方。" * 2),
        p("Contact", style="H2"),
        p("Anna Kowalski, anna.kowalski@example.com", numbered=(2, 0)),
        p("Delivery to Plant Nine of the buyer", numbered=(2, 0)),
        *more,
    )
