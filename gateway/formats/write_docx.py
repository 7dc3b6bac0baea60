"""Word documents as they leave: typed anew into a template of the gateway's own, of six parts and no more.

What is withheld is the same, word by word, as in the PDF of the same plan; however many words follow one another, one
label of the reason stands for them all, so that it says nothing of what it hides. Pages that are not allowed leave one
label where they stood, and so does a picture that is withheld; others follow as `write_docx_pictures` says. The mark is
the first line and in the head of every page. `docs/formats/document.md` has the exact form.
"""

from __future__ import annotations

import io
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from xml.sax.saxutils import escape

from gateway.formats.model import Mark, Pages, Plan, Rebuilt, RebuiltPage
from gateway.formats.page_boxes import Layout
from gateway.formats.problems import PlanUnfit
from gateway.formats.typed import Block, Figure, Style
from gateway.formats.write_document import laid_out, redactions
from gateway.formats.write_docx_pictures import Made, covering, made, paragraph

MEDIA_TYPE = "application/vnd.openxmlformats-officedocument.wordprocessingml.document"
NOTICES = (
    "This copy was typed anew for its recipient; [withheld: CODE] stands for withheld words, however many.",
    "本副本为接收方重新排印；[withheld: 代码] 表示未提供的内容，与其长短无关。",
)

_MAIN = "http://schemas.openxmlformats.org/wordprocessingml/2006/main"
_OFFICE = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
_PACKAGE = "http://schemas.openxmlformats.org/package/2006"
_SORT = "application/vnd.openxmlformats-officedocument.wordprocessingml"
_DECLARATION = '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\n'
_LEVEL = 6
_TABLE_TWIPS = 9_354
_INDENT_TWIPS = 360
# Behind the relationships of styles and head.
_FIRST_PICTURE = 3
_MEDIA = {"jpg": "image/jpeg", "png": "image/png"}
_STYLES: Mapping[Style, str] = {
    Style.TITLE: "Title",
    Style.HEADING_1: "Heading1",
    Style.HEADING_2: "Heading2",
    Style.HEADING_3: "Heading3",
    Style.BODY: "",
    Style.NOTE: "Note",
}
_GREY = '<w:rPr><w:shd w:val="clear" w:color="auto" w:fill="D9D9D9"/></w:rPr>'
_STRUCK = "<w:rPr><w:strike/></w:rPr>"
_SECTION = (
    '<w:sectPr><w:headerReference w:type="default" r:id="rId2"/><w:pgSz w:w="11906" w:h="16838"/>'
    '<w:pgMar w:top="1531" w:right="1276" w:bottom="1531" w:left="1276" w:header="709" w:footer="709" w:gutter="0"/>'
    "</w:sectPr>"
)
_EDGES = "".join(
    f'<w:{edge} w:val="single" w:sz="4" w:space="0" w:color="AAAAAA"/>'
    for edge in ("top", "left", "bottom", "right", "insideH", "insideV")
)


@dataclass(frozen=True, slots=True)
class _Word:
    """A word as it is typed, what stands before it, and how it looks."""

    text: str
    before: str
    looks: str = ""


def rebuild(content: Pages, plan: Plan, mark: Mark) -> Rebuilt:
    """The rendition of the pages that `plan` allows. Raises `NothingNamed`, `PlanUnfit`."""
    if plan.margin:
        raise PlanUnfit("What carries its mark in the margin alone leaves as PDF; let the policy say so.")
    layouts = laid_out(content, plan)
    typist = _Typist(content, layouts, mark.text)
    head = _paragraph("Mark", 0, [_Word(mark.text, "")])
    notices = "".join(_paragraph("Notice", 0, [_Word(text, "")]) for text in NOTICES)
    body = "".join(typist.blocks())
    names = f'xmlns:w="{_MAIN}" xmlns:r="{_OFFICE}"'
    media = {f"media/picture{number}.{one.extension}": one for number, one in enumerate(typist.pictures, start=1)}
    images = (("image", name) for name in media)
    parts = {
        "[Content_Types].xml": _content_types(sorted({one.extension for one in media.values()})),
        "_rels/.rels": _relations(("officeDocument", "word/document.xml")),
        "word/document.xml": f"<w:document {names}><w:body>{head}{notices}{body}{_SECTION}</w:body></w:document>",
        "word/_rels/document.xml.rels": _relations(("styles", "styles.xml"), ("header", "header1.xml"), *images),
        "word/styles.xml": _styles(),
        "word/header1.xml": f"<w:hdr {names}>{head}</w:hdr>",
    }
    done = tuple(
        RebuiltPage(
            number,
            (content.pages[number - 1].width_px, content.pages[number - 1].height_px),
            tuple(cover.box for cover in layout.covers),
        )
        for number, layout in layouts.items()
    )
    packed = _packed(parts, {f"word/{name}": one.data for name, one in media.items()})
    return Rebuilt(packed, MEDIA_TYPE, redactions(content, plan), pages=done)


class _Typist:
    """Types blocks one after the other, and a label for what pages took along that do not leave."""

    def __init__(self, content: Pages, layouts: Mapping[int, Layout], mark_text: str) -> None:
        self.pictures: list[Made] = []
        self._content = content
        self._layouts = layouts
        self._mark_text = mark_text
        self._gap = False

    def blocks(self) -> Iterator[str]:
        """The body, paragraph by paragraph and table by table."""
        for table, members in groupby(self._content.blocks, key=lambda one: one.cell and one.cell.table):
            blocks = [*members]
            yield from self._paragraphs(blocks) if table is None else self._table(blocks)
        yield from self._left_out()

    def _paragraphs(self, members: Sequence[Block]) -> Iterator[str]:
        for one in members:
            if one.figure and one.figure.page in self._layouts:
                yield from self._left_out()
                yield self._picture(one.figure)
            elif self._leaves(one):
                yield from self._left_out()
                yield _paragraph(_STYLES[one.style], one.indent, self._typed(one))
            else:
                self._gap |= bool(one.words or one.figure)

    def _picture(self, figure: Figure) -> str:
        layout = self._layouts[figure.page]
        if cover := covering(figure, layout):
            return _paragraph("", 0, [_Word(_label(cover.code), "", _GREY)])
        self.pictures.append(made(self._content, figure, layout, self._mark_text))
        number = len(self.pictures)
        return paragraph(number, f"rId{_FIRST_PICTURE + number - 1}", self.pictures[-1].size_px)

    def _table(self, members: Sequence[Block]) -> Iterator[str]:
        rows: list[str] = []
        columns = max(one.cell.column + one.cell.span for one in members if one.cell)
        for _, row in groupby(members, key=lambda one: one.cell and one.cell.row):
            cells = [*row]
            if not any(map(self._leaves, cells)):
                self._gap |= any(one.words for one in cells)
                continue
            if not rows:
                yield from self._left_out()
            rows.append(self._row(cells, columns))
        if rows:
            width = _TABLE_TWIPS // columns
            grid = f'<w:gridCol w:w="{width}"/>' * columns
            look = f'<w:tblW w:w="{width * columns}" w:type="dxa"/><w:tblBorders>{_EDGES}</w:tblBorders>'
            yield f"<w:tbl><w:tblPr>{look}</w:tblPr><w:tblGrid>{grid}</w:tblGrid>{''.join(rows)}</w:tbl>"
            # Two tables without anything between them would be one.
            yield _paragraph("Note", 0, [])

    def _row(self, members: Sequence[Block], columns: int) -> str:
        width = _TABLE_TWIPS // columns
        cells, at = [], 0
        for place, inside in groupby(members, key=lambda one: one.cell):
            if place is None:
                continue
            cells += [_cell(width, 1, [_paragraph("Cell", 0, [])])] * (place.column - at)
            paragraphs = [_paragraph("Cell", 0, self._typed(one)) for one in inside]
            cells.append(_cell(width, place.span, paragraphs))
            at = place.column + place.span
        cells += [_cell(width, 1, [_paragraph("Cell", 0, [])])] * (columns - at)
        return f"<w:tr>{''.join(cells)}</w:tr>"

    def _left_out(self) -> Iterator[str]:
        if self._gap:
            self._gap = False
            yield _paragraph("", 0, [_Word(_label(""), "", _GREY)])

    def _leaves(self, block: Block) -> bool:
        """Whether anything of a block stands on a page that leaves."""
        return any(ref.page in self._layouts for ref in block.words)

    def _typed(self, block: Block) -> list[_Word]:
        """The block's words, one label for all that follow one another and are withheld for one reason."""
        words: list[_Word] = []
        for ref in block.words:
            layout = self._layouts.get(ref.page)
            code = "" if layout is None else layout.hidden.get(ref.word)
            if code is None:
                text = self._content.pages[ref.page - 1].words[ref.word].text
                words.append(_Word(text, ref.before, _STRUCK if ref.struck else ""))
            elif not words or words[-1].text != _label(code) or words[-1].looks != _GREY:
                words += [_Word("", " "), _Word(_label(code), "", _GREY)] if words else [_Word(_label(code), "", _GREY)]
        return words


def _label(code: str) -> str:
    return f"[withheld: {code}]" if code else "[withheld]"


def _paragraph(style: str, indent: int, words: Sequence[_Word]) -> str:
    inside = f'<w:pStyle w:val="{style}"/>' if style else ""
    inside += f'<w:ind w:left="{indent * _INDENT_TWIPS}"/>' if indent else ""
    runs = "".join(_run(looks, [*some]) for looks, some in groupby(words, key=lambda one: one.looks))
    return f"<w:p>{f'<w:pPr>{inside}</w:pPr>' if inside else ''}{runs}</w:p>"


def _run(looks: str, words: Sequence[_Word]) -> str:
    """Words that look alike."""
    text = "".join(one.before + one.text for one in words)
    lines = (f'<w:t xml:space="preserve">{escape(line)}</w:t>' if line else "" for line in text.split("\n"))
    return f"<w:r>{looks}{'<w:br/>'.join(lines)}</w:r>"


def _cell(width: int, span: int, paragraphs: Sequence[str]) -> str:
    over = f'<w:gridSpan w:val="{span}"/>' if span > 1 else ""
    return f'<w:tc><w:tcPr><w:tcW w:w="{width * span}" w:type="dxa"/>{over}</w:tcPr>{"".join(paragraphs)}</w:tc>'


def _relations(*targets: tuple[str, str]) -> str:
    lines = (
        f'<Relationship Id="rId{number}" Type="{_OFFICE}/{sort}" Target="{target}"/>'
        for number, (sort, target) in enumerate(targets, 1)
    )
    return f'<Relationships xmlns="{_PACKAGE}/relationships">{"".join(lines)}</Relationships>'


def _content_types(extensions: Sequence[str]) -> str:
    sorts = {"document": "document.main", "styles": "styles", "header1": "header"}
    overrides = "".join(
        f'<Override PartName="/word/{part}.xml" ContentType="{_SORT}.{sort}+xml"/>' for part, sort in sorts.items()
    )
    default = '<Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
    default += "".join(f'<Default Extension="{one}" ContentType="{_MEDIA[one]}"/>' for one in extensions)
    return f'<Types xmlns="{_PACKAGE}/content-types">{default}{overrides}</Types>'


def _styles() -> str:
    """The template's styles: black letters of one family, no theme, nothing that hides."""
    fonts = '<w:rFonts w:ascii="Calibri" w:hAnsi="Calibri" w:eastAsia="Microsoft YaHei" w:cs="Calibri"/>'
    usual = f'<w:rPrDefault><w:rPr>{fonts}<w:sz w:val="21"/><w:szCs w:val="21"/></w:rPr></w:rPrDefault>'
    spaced = '<w:pPrDefault><w:pPr><w:spacing w:after="120" w:line="264" w:lineRule="auto"/></w:pPr></w:pPrDefault>'
    made = (
        _style("Title", "Title", 36, before=0, after=240, bold=True),
        _style("Heading1", "heading 1", 29, before=320, after=120, bold=True, level=0),
        _style("Heading2", "heading 2", 25, before=240, after=100, bold=True, level=1),
        _style("Heading3", "heading 3", 22, before=200, after=80, bold=True, level=2),
        _style("Note", "Note", 17, before=0, after=60),
        _style("Cell", "Cell", 19, before=40, after=40),
        _style("Mark", "Mark", 16, before=0, after=40),
        _style("Notice", "Notice", 16, before=0, after=80),
    )
    normal = '<w:style w:type="paragraph" w:default="1" w:styleId="Normal"><w:name w:val="Normal"/></w:style>'
    defaults = f"<w:docDefaults>{usual}{spaced}</w:docDefaults>"
    return f'<w:styles xmlns:w="{_MAIN}">{defaults}{normal}{"".join(made)}</w:styles>'


def _style(
    key: str, name: str, half_points: int, *, before: int, after: int, bold: bool = False, level: int | None = None
) -> str:
    kept = "<w:keepNext/>" if bold else ""
    outline = "" if level is None else f'<w:outlineLvl w:val="{level}"/>'
    letters = f'<w:sz w:val="{half_points}"/><w:szCs w:val="{half_points}"/>'
    return (
        f'<w:style w:type="paragraph" w:styleId="{key}"><w:name w:val="{name}"/><w:basedOn w:val="Normal"/>'
        f'<w:pPr>{kept}<w:spacing w:before="{before}" w:after="{after}"/>{outline}</w:pPr>'
        f"<w:rPr>{'<w:b/>' if bold else ''}{letters}</w:rPr></w:style>"
    )


def _packed(parts: Mapping[str, str], media: Mapping[str, bytes]) -> bytes:
    sink = io.BytesIO()
    with zipfile.ZipFile(sink, "w", zipfile.ZIP_DEFLATED, compresslevel=_LEVEL) as archive:
        members = {name: (_DECLARATION + text).encode() for name, text in parts.items()}
        for name, data in {**members, **media}.items():
            member = zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0))
            member.compress_type = zipfile.ZIP_DEFLATED
            member.create_system = 0
            archive.writestr(member, data)
    return sink.getvalue()
