"""Hiding places of workbooks: each can be grafted onto any workbook, an original or what a lazy renderer left.

A graft changes the members of the archive by plain surgery on their XML, as somebody does who wants to hide something
from programs that only look where spreadsheets look. What is hidden is drawn from a seed that is new in every run.
"""

from __future__ import annotations

import io
import random
import re
import struct
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

Parts = dict[str, bytes]
Graft = Callable[[Parts, str], None]

SHEET, BOOK, STYLES = "xl/worksheets/sheet1.xml", "xl/workbook.xml", "xl/styles.xml"
MAIN = 'xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"'
OFFICE = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"


@dataclass(frozen=True)
class Planting:
    """One hiding place: what hides there, and words of which the gate's finding must show one.

    An original with it is `refused`, where no reader could say what it means; else it is rendered without it. What
    does not `hold` a text of its own only hides what stands elsewhere.
    """

    name: str
    graft: Graft
    called: str
    refused: bool = False
    holds: bool = True


def secret(seed: int, number: int) -> str:
    """A text that means nothing, is met nowhere by chance, and is another for every seed and place."""
    chance = random.Random(f"{seed}/{number}")
    return "".join(chance.choice("bcdfghjklmnpqrstvwxz") + chance.choice("aeiou") for _ in range(7)).capitalize()


def parts_of(data: bytes) -> Parts:
    """The members of an archive."""
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def packed(parts: Parts) -> bytes:
    """The members as an archive of the form in which the gateway writes its own."""
    sink = io.BytesIO()
    with zipfile.ZipFile(sink, "w") as archive:
        for name, data in parts.items():
            member = zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0))
            member.create_system, member.compress_type, member.external_attr = 0, zipfile.ZIP_DEFLATED, 0o600 << 16
            archive.writestr(member, data)
    return sink.getvalue()


def _insert(part: str, marker: str, xml: str, parts: Parts, hidden: str) -> None:
    """Put `xml` before the last `marker` in `part`; `{}` is what is hidden."""
    before, found, after = parts[part].decode().rpartition(marker)
    assert found, f"{part} has no {marker}"
    parts[part] = (before + xml.replace("{}", hidden) + found + after).encode()


def _change(part: str, pattern: str, xml: str, parts: Parts, hidden: str) -> None:
    """Replace the first match of `pattern` in `part`; `{}` is what is hidden, groups as in `re.sub`."""
    text, count = re.subn(pattern, xml.replace("{}", hidden), parts[part].decode(), count=1, flags=re.DOTALL)
    assert count, f"{part} has no {pattern}"
    parts[part] = text.encode()


def graft_member(name: str, content: str, parts: Parts, hidden: str, charset: str = "utf-8") -> None:
    """Add a member, and say in the list of types and of the workbook's relationships that it is there."""
    parts[name] = content.replace("{}", hidden).encode(charset)
    sort = name.split("/")[-2] if "/" in name else "custom"
    types = f'<Override PartName="/{name}" ContentType="application/vnd.openxmlformats-officedocument.{sort}+xml"/>'
    _insert("[Content_Types].xml", "</Types>", types, parts, "")
    related = f'<Relationship Id="rId{900 + len(parts)}" Type="{OFFICE}/{sort}" Target="/{name}"/>'
    _insert("xl/_rels/workbook.xml.rels", "</Relationships>", related, parts, "")


def _sheet_with(state: str, parts: Parts, hidden: str) -> None:
    name = f"xl/worksheets/{state}.xml"
    row = f'<row r="1"><c r="A1" t="inlineStr"><is><t>{hidden}</t></is></c></row>'
    parts[name] = f"<worksheet {MAIN}><sheetData>{row}</sheetData></worksheet>".encode()
    sort = "application/vnd.openxmlformats-officedocument.spreadsheetml.worksheet+xml"
    _insert("[Content_Types].xml", "</Types>", f'<Override PartName="/{name}" ContentType="{sort}"/>', parts, "")
    related = f'<Relationship Id="rIdS{state}" Type="{OFFICE}/worksheet" Target="/{name}"/>'
    _insert("xl/_rels/workbook.xml.rels", "</Relationships>", related, parts, "")
    sheet = f'<sheet xmlns:r="{OFFICE}" name="{state}" sheetId="{len(parts) + 90}" state="{state}" r:id="rIdS{state}"/>'
    _insert(BOOK, "</sheets>", sheet, parts, "")


def _row(attributes: str, cell: str, parts: Parts, hidden: str) -> None:
    """One more row below the table."""
    last = max(map(int, re.findall(r'<row r="(\d+)"', parts[SHEET].decode())))
    row = f'<row r="{last + 1}" {attributes}>{cell.replace("#", str(last + 1))}</row>'
    _insert(SHEET, "</sheetData>", row, parts, hidden)


def _plain(xml: str) -> Graft:
    return partial(_insert, SHEET, "</worksheet>", xml)


def _book(xml: str) -> Graft:
    return partial(_insert, BOOK, "</workbook>", xml)


def _new(name: str, content: str, charset: str = "utf-8") -> Graft:
    return partial(graft_member, name, content, charset=charset)


def _jpeg(parts: Parts, hidden: str) -> None:
    exif = b"Exif\x00\x00MM\x00*" + hidden.encode()
    graft_member("xl/media/image1.jpeg", "", parts, hidden)
    parts["xl/media/image1.jpeg"] = b"\xff\xd8\xff\xe1" + struct.pack(">H", len(exif) + 2) + exif + b"\xff\xd9"


def noisy_number(hidden: str) -> str:
    """A number with nine digits of its own, stored with the noise of binary fractions."""
    return f"{random.Random(hidden).randint(10**8, 10**9 - 1)}.{77}0000001"


_TEXT = '<c r="A#" t="inlineStr"><is><t>{}</t></is></c>'
_DRAWING = 'xmlns:a="http://schemas.openxmlformats.org/drawingml/2006/main"'

PLANTINGS = (
    Planting("hidden sheet", partial(_sheet_with, "hidden"), "attribute state"),
    Planting("very hidden sheet", partial(_sheet_with, "veryHidden"), "attribute state"),
    Planting("hidden row", partial(_row, 'hidden="1"', _TEXT), "attribute hidden"),
    Planting("row of no height", partial(_row, 'ht="0" customHeight="1"', _TEXT), "attribute ht"),
    Planting(
        "formula and its cached text in a hidden row",
        partial(_row, 'hidden="1"', '<c r="A#" t="str"><f>CONCATENATE("{}","{}")</f><v>{}</v></c>'),
        "element f",
    ),
    Planting("number in a hidden row", lambda parts, hidden: _row(
        'hidden="1"', f'<c r="A#"><v>{noisy_number(hidden)}</v></c>', parts, hidden), "attribute hidden"),
    Planting("hidden column", _plain('<cols><col min="2" max="2" width="9" hidden="1" customWidth="1"/></cols>'),
             "attribute hidden", holds=False),
    Planting("formula text", partial(_change, SHEET, r"<v>", '<f>T("{}")</f><v>'), "element f"),
    Planting("comment", _new("xl/comments1.xml", f"<comments {MAIN}><commentList><comment ref='A1'><text><t>{{}}</t>"
             "</text></comment></commentList></comments>"), "comments"),
    Planting("author of a comment", _new("xl/comments2.xml", f"<comments {MAIN}><authors><author>{{}}</author>"
             "</authors></comments>"), "comments"),
    Planting("threaded comment", _new("xl/threadedComments/threadedComment1.xml",
             "<ThreadedComments><threadedComment ref='A1'><text>{}</text></threadedComment></ThreadedComments>"),
             "threadedComments"),
    Planting("person", _new("xl/persons/person.xml", "<personList><person displayName='{}'/></personList>"), "persons"),
    Planting("drawing of a comment", _new("xl/drawings/vmlDrawing1.vml", "<xml><v:t xmlns:v='v'>{}</v:t></xml>"),
             "vmlDrawing"),
    Planting("defined name", _book('<definedNames><definedName name="{}">1</definedName></definedNames>'),
             "attribute name"),
    Planting("defined name that is hidden", _book('<definedNames><definedName name="n1" hidden="1">"{}"</definedName>'
             "</definedNames>"), "attribute hidden"),
    Planting("comment of a name", _book('<definedNames><definedName name="n2" comment="{}">1</definedName>'
             "</definedNames>"), "attribute comment"),
    Planting("print area", _book('<definedNames><definedName name="_xlnm.Print_Area" localSheetId="0">{}!$A$1'
             "</definedName></definedNames>"), "attribute name"),
    Planting("list of a validation", _plain('<dataValidations count="1"><dataValidation type="list" sqref="A2">'
             '<formula1>"{}"</formula1></dataValidation></dataValidations>'), "element dataValidations"),
    Planting("prompt of a validation", _plain('<dataValidations count="1"><dataValidation prompt="{}" sqref="A2"/>'
             "</dataValidations>"), "element dataValidations"),
    Planting("error of a validation", _plain('<dataValidations count="1"><dataValidation error="{}" sqref="A2"/>'
             "</dataValidations>"), "element dataValidations"),
    Planting("formula of a conditional format", _plain('<conditionalFormatting sqref="A1"><cfRule type="expression">'
             '<formula>A1="{}"</formula></cfRule></conditionalFormatting>'), "element conditionalFormatting"),
    Planting("records of a pivot cache", _new("xl/pivotCache/pivotCacheRecords1.xml",
             f"<pivotCacheRecords {MAIN}><r><s v='{{}}'/></r></pivotCacheRecords>"), "pivotCache"),
    Planting("items of a pivot cache", _new("xl/pivotCache/pivotCacheDefinition1.xml",
             f"<pivotCacheDefinition {MAIN}><sharedItems><s v='{{}}'/></sharedItems></pivotCacheDefinition>"),
             "pivotCache"),
    Planting("pivot table", _new("xl/pivotTables/pivotTable1.xml", f"<pivotTableDefinition {MAIN} name='{{}}'/>"),
             "pivotTables"),
    Planting("title and cache of a chart", _new("xl/charts/chart1.xml",
             "<c:chartSpace xmlns:c='c'><c:title>{}</c:title><c:strCache><c:v>{}</c:v></c:strCache></c:chartSpace>"),
             "chart"),
    Planting("cache of an external link", _new("xl/externalLinks/externalLink1.xml",
             f"<externalLink {MAIN}><externalBook><sheetDataSet><cell><v>{{}}</v></cell></sheetDataSet></externalBook>"
             "</externalLink>"), "externalLinks"),
    Planting("literal of a number format", partial(_change, STYLES, r"(<numFmts[^>]*>)",
             r'\1<numFmt numFmtId="180" formatCode="0&quot;{}&quot;"/>'), "attribute formatCode"),
    Planting("head of a page", _plain("<headerFooter><oddHeader>&amp;C{}</oddHeader></headerFooter>"),
             "the head or the foot"),
    Planting("foot of the first page", _plain("<headerFooter><firstFooter>{}</firstFooter></headerFooter>"), "element"),
    Planting("author in the properties", _new("docProps/core2.xml", "<p><creator>{}</creator></p>"), "docProps"),
    Planting("company in the properties", _new("docProps/app2.xml", "<p><Company>{}</Company></p>"), "docProps"),
    Planting("property of one's own", _new("docProps/custom.xml", "<p><property name='{}'>1</property></p>"),
             "docProps"),
    Planting("custom XML", _new("customXml/item1.xml", "<data>{}</data>"), "customXml"),
    Planting("embedded object", _new("xl/embeddings/oleObject1.bin", "\u0001Ole{}", "utf-16-le"), "embeddings"),
    Planting("metadata of an image", _jpeg, "media"),
    Planting("alternative text of an image", _new("xl/drawings/drawing1.xml",
             f"<xdr:wsDr xmlns:xdr='x' {_DRAWING}><xdr:cNvPr descr='{{}}'/></xdr:wsDr>"), "drawing"),
    Planting("text box", _new("xl/drawings/drawing2.xml", f"<xdr:wsDr xmlns:xdr='x' {_DRAWING}><a:t>{{}}</a:t>"
             "</xdr:wsDr>"), "drawing"),
    Planting("ink", _new("xl/ink/ink1.xml", "<ink><annotation>{}</annotation></ink>"), "ink"),
    Planting("target of a link", partial(_insert, "xl/_rels/workbook.xml.rels", "</Relationships>",
             f'<Relationship Id="rId77" Type="{OFFICE}/hyperlink" TargetMode="External" Target="h://{{}}.example/"/>'),
             "attribute Target"),
    Planting("tooltip of a link", _plain('<hyperlinks><hyperlink ref="A1" tooltip="{}" display="{}"/></hyperlinks>'),
             "element hyperlinks"),
    Planting("table object", _new("xl/tables/table1.xml", f"<table {MAIN} name='{{}}'><tableColumns><tableColumn "
             "name='{}'/></tableColumns></table>"), "tables"),
    Planting("shared string that no cell uses", _new("xl/sharedStrings2.xml", "<sst><si><t>{}</t></si></sst>"),
             "sharedStrings"),
    Planting("phonetic guide", partial(_change, SHEET, r"</t></is>", '</t><rPh sb="0" eb="1"><t>{}</t></rPh></is>'),
             "element rPh"),
    Planting("protection of the sheet", _plain('<sheetProtection algorithmName="{}" sheet="1"/>'),
             "element sheetProtection"),
    Planting("scenario", _plain('<scenarios><scenario name="{}" user="{}" comment="{}"/></scenarios>'),
             "element scenarios"),
    Planting("code name of the sheet", partial(_change, SHEET, "<sheetPr", '<sheetPr codeName="{}"'),
             "attribute codeName"),
    Planting("chain of calculation", _new("xl/calcChain.xml", f"<calcChain {MAIN}><c r='A1' x='{{}}'/></calcChain>"),
             "calcChain"),
    Planting("settings of a printer", _new("xl/printerSettings/printerSettings1.bin", "\\\\host\\{}", "utf-16-le"),
             "printerSettings"),
    Planting("macros", _new("xl/vbaProject.bin", "Attribute VB_Name = '{}'"), "vbaProject"),
    Planting("connection", _new("xl/connections.xml", "<connections><connection name='{}'/></connections>"),
             "connections"),
    Planting("query", _new("xl/queryTables/queryTable1.xml", "<queryTable name='{}'/>"), "queryTable"),
    Planting("view of one's own", _plain('<customSheetViews><customSheetView guid="{}"/></customSheetViews>'),
             "element customSheetViews"),
    Planting("revisions", _new("xl/revisions/revisionHeaders.xml", "<headers><header userName='{}'/></headers>"),
             "revisions"),
    Planting("name of a style", partial(_insert, STYLES, "</cellStyles>", '<cellStyle name="{}" xfId="0"/>'),
             "attribute name"),
    Planting("extension", _plain('<extLst><ext uri="{}"><x:y xmlns:x="x">{}</x:y></ext></extLst>'), "element extLst"),
    Planting("extension of the workbook", _book('<extLst><ext uri="u"><x:y xmlns:x="x" z="{}"/></ext></extLst>'),
             "element extLst"),
    Planting("white ink", partial(_change, STYLES, r"<color [^>]*/>", '<color rgb="FFFFFFFF"/>'), "attribute rgb",
             holds=False),
    Planting("theme", _new("xl/theme/theme9.xml", f"<a:theme {_DRAWING} name='{{}}'/>"), "theme"),
    Planting("file path of the saver", _book('<fileRecoveryPr/><fileSharing userName="{}"/>'), "element fileSharing"),
    Planting("picture behind the sheet", _plain(f'<picture xmlns:r="{OFFICE}" r:id="{{}}"/>'), "element picture"),
    Planting("comment in the XML of the workbook", _book("<!-- {} -->"), "markup"),
    Planting("comment in the XML of the sheet", _plain("<!-- {} -->"), "markup", refused=True),
    Planting("cell far away", partial(_row, "", '<c r="XX#" t="inlineStr"><is><t>{}</t></is></c>'), "places",
             refused=True),
    Planting("cell that was merged away", _plain('<mergeCells count="1"><mergeCell ref="A2:A3"/></mergeCells>'),
             "element mergeCells", refused=True),
)  # fmt: skip


def with_zip_comment(data: bytes, hidden: str) -> bytes:
    """A comment of the archive."""
    comment = hidden.encode()
    return data[:-2] + struct.pack("<H", len(comment)) + comment


def with_extra_field(data: bytes, hidden: str) -> bytes:
    """An extra field in the header of the last member."""
    sink = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(data)) as archive, zipfile.ZipFile(sink, "w") as copy:
        copy.comment = archive.comment
        for member in archive.infolist():
            content = archive.read(member)
            member.extra = struct.pack("<HH", 0xCAFE, len(hidden)) + hidden.encode()
            copy.writestr(member, content)
    return sink.getvalue()


def with_trailing_bytes(data: bytes, hidden: str) -> bytes:
    """Bytes behind the end."""
    return data + hidden.encode()


def with_leading_bytes(data: bytes, hidden: str) -> bytes:
    """Bytes before the beginning."""
    return hidden.encode() + data


ARCHIVE_PLANTINGS = {
    "comment of the archive": (with_zip_comment, False),
    "extra field of a member": (with_extra_field, False),
    "bytes behind the end": (with_trailing_bytes, True),
    "bytes before the beginning": (with_leading_bytes, True),
}
