"""Tables with something in every hiding place: in cells, beside them, and in the members of a workbook's archive."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from gateway.policy.answers import Answers
from tests.corpus.places import Hiding, Specimen
from tests.support import workbooks
from tests.support.originals import Planted, Sheet
from tests.support.planted_workbook import (
    ARCHIVE_PLANTINGS,
    MAIN,
    PLANTINGS,
    Parts,
    graft_member,
    noisy_number,
    packed,
    parts_of,
)
from tests.support.workbooks import ODS, XLSX

SHOWN = "Hallbach Servoantriebe GmbH"
_KNOWN = (
    "Customer", "Country", "End user", "Licensed", "Civil application", "Volume (kg)", "Since", "Contact person",
    "E-Mail", "Phone", "IBAN", "Payment terms", "Remarks",
)  # fmt: skip
_OFFICE = "urn:oasis:names:tc:opendocument:xmlns"


def customers(hide: Hiding) -> Sheet:
    """A customer list: the first row may be shown in part, the others hold secrets."""
    rows = (
        ("Erlgruber Antriebe AG", "DE", SHOWN, "yes", "Pumps", "120.5", "2003", "", "", "", "", "", ""),
        (
            hide("cell that becomes a pseudonym"), "FR", hide("cell withheld in this row alone"), "no", "Lifts",
            hide.number("number that becomes a range"), "1998", hide("cell of a dropped column"),
            f"{hide('e-mail address')}@kunden.example", f"+49 711 {hide.number('telephone number')}",
            f"DE02{hide.number('number of an account', 18)}", f"30 Tage\n{hide('second line of a cell')}",
            f'er sagte "{hide("cell with quotes")}"',
        ),
        (
            hide.chinese("Chinese cell"), "CN", "Zweitwerk Fünf", "no", "Robotics", "88", "2011",
            hide("cell in capitals").upper(), "", "", "", f'=HYPERLINK("http://{hide("target of a formula")}.example")',
            "".join(f"{sign}\u00ad" for sign in hide("letters with soft hyphens between them")),
        ),
    )  # fmt: skip
    unknown = [hide("cell of a column that nobody knows"), hide("cell beside what is shown"), ""]
    return Sheet(_KNOWN, rows).with_column(hide("header that nobody knows"), unknown)


def csv(hide: Hiding) -> Specimen:
    """Comma separated."""
    return _specimen(hide, "text/csv", "csv", customers(hide).csv())


def tsv(hide: Hiding) -> Specimen:
    """Separated by tabs, in UTF-16 as a spreadsheet saves Unicode text."""
    return _specimen(hide, "text/csv", "tsv", customers(hide).csv("\t").decode().encode("utf-16"))


def xlsx(hide: Hiding) -> Specimen:
    """A workbook with every planting that does not make it unreadable."""
    parts = _workbook(hide)
    for planting in PLANTINGS:
        if not planting.refused and planting.holds:
            planting.graft(parts, hide(planting.name))
    place = "number in a hidden row"
    if place in hide.secrets:
        hide.secrets[place] = noisy_number(hide.secrets[place]).partition(".")[0]
    data = packed(parts)
    for name, (graft, refused) in ARCHIVE_PLANTINGS.items():
        data = data if refused else graft(data, hide(name))
    return _specimen(hide, XLSX, "xlsx", data)


def xlsm(hide: Hiding) -> Specimen:
    """A workbook with macros and what belongs to them."""
    parts = _workbook(hide)
    types = parts["[Content_Types].xml"].decode()
    parts["[Content_Types].xml"] = re.sub(
        r"application/vnd\.openxmlformats-officedocument\.spreadsheetml\.sheet\.main\+xml",
        "application/vnd.ms-excel.sheet.macroEnabled.main+xml",
        types,
    ).encode()
    for place, name, content, charset in (
        ("code of a macro", "xl/vbaProject.bin", "Attribute VB_Name\0Sub {}()", "latin-1"),
        ("compiled code of a macro", "xl/vbaData.xml", "<wne:vbaSuppData xmlns:wne='w' x='{}'/>", "utf-8"),
        ("signer of the macros", "xl/vbaProjectSignature.bin", "CN={}", "utf-16-be"),
        ("macro sheet of old", "xl/macrosheets/sheet1.xml", f"<worksheet {MAIN}><x>{{}}</x></worksheet>", "utf-8"),
        ("sheet that is a dialogue", "xl/dialogsheets/sheet1.xml", f"<worksheet {MAIN} x='{{}}'/>", "utf-8"),
        ("buttons of one's own", "customUI/customUI.xml", "<customUI onLoad='{}'/>", "utf-8"),
        ("caption of a control", "xl/activeX/activeX1.bin", "{}", "utf-16-le"),
        ("property of a control", "xl/ctrlProps/ctrlProp1.xml", "<formControlPr fmlaLink='{}'/>", "utf-8"),
        ("volatile value of a server", "xl/volatileDependencies.xml", "<volTypes><stp>{}</stp></volTypes>", "utf-8"),
        ("mapping of XML", "xl/xmlMaps.xml", "<MapInfo><Schema ID='{}'/></MapInfo>", "utf-8"),
        ("rich value", "xl/richData/rdrichvalue.xml", "<rvData><v>{}</v></rvData>", "utf-8"),
        ("slicer", "xl/slicers/slicer1.xml", "<slicers><slicer caption='{}'/></slicers>", "utf-8"),
        ("time line", "xl/timelines/timeline1.xml", "<timelines><timeline name='{}'/></timelines>", "utf-8"),
        ("signature of the file", "_xmlsignatures/sig1.xml", "<Signature><X509Name>{}</X509Name></Signature>", "utf-8"),
        ("label of protection", "docMetadata/LabelInfo.xml", "<labels><label id='{}'/></labels>", "utf-8"),
    ):
        graft_member(name, content, parts, hide(place), charset)
    return _specimen(hide, XLSX, "xlsm", packed(parts))


def ods(hide: Hiding) -> Specimen:
    """An OpenDocument spreadsheet with what its format can carry beside cells."""
    parts = parts_of(workbooks.ods(_rows(hide), sheet=hide("name of the sheet")))
    content = parts["content.xml"].decode()
    for marker, after, xml in _ods_grafts(hide):
        at = content.index(marker) + (len(marker) if after else 0)
        content = content[:at] + xml + content[at:]
    spaces = "".join(
        f' xmlns:{name}="{_OFFICE}:{full}:1.0"'
        for name, full in {
            "number": "datastyle",
            "draw": "drawing",
            "svg": "svg-compatible",
            "script": "script",
        }.items()
    )
    spaces += ' xmlns:dc="http://purl.org/dc/elements/1.1/" xmlns:xlink="http://www.w3.org/1999/xlink"'
    parts["content.xml"] = content.replace("<office:document-content", f"<office:document-content{spaces}", 1).encode()
    for place, name, xml in (
        ("creator of the document", "meta.xml", "<m><creator>{}</creator></m>"),
        ("settings of the view", "settings.xml", "<s><item>{}</item></s>"),
        ("picture in a page's head", "Pictures/1.svg", "<svg><text>{}</text></svg>"),
        ("module of Basic", "Basic/Standard/Module1.xml", "<module>sub {}</module>"),
        ("script in Python", "Scripts/python/a.py", "print('{}')"),
        ("embedded chart", "Object 1/content.xml", "<chart><title>{}</title></chart>"),
        ("replacement of an object", "ObjectReplacements/Object 1", "GDIMetafile {}"),
        ("tool bar of one's own", "Configurations2/toolbar/a.xml", "<toolbar uiname='{}'/>"),
        ("facts in RDF", "manifest.rdf", "<rdf><about>{}</about></rdf>"),
        ("member that no list names", "unlisted/note.txt", "{}"),
        ("preview of the first page", "Thumbnails/thumbnail.png", "\x89PNG {}"),
    ):
        parts[name] = xml.replace("{}", hide(place)).encode()
    return _specimen(hide, ODS, "ods", workbooks.opendocument(parts))


TABLES: dict[str, Callable[[Hiding], Specimen]] = {"csv": csv, "tsv": tsv, "xlsx": xlsx, "xlsm": xlsm, "ods": ods}


def _specimen(hide: Hiding, media_type: str, extension: str, data: bytes) -> Specimen:
    name = f"{hide('name of the file')}.{extension}"
    answers = Answers(columns={f"column/{len(_KNOWN) + 1}": "drop"})
    original = Planted(hide.label, "customer_list", media_type, name, data, tuple(hide.secrets.values()), answers)
    return Specimen(original, hide.secrets, SHOWN)


def _rows(hide: Hiding) -> tuple[tuple[str, ...], ...]:
    """The table as cells of a workbook, where a leading equals sign would make a formula."""
    sheet = customers(hide)
    return (sheet.headers, *(tuple(cell.replace("=", " =", 1) for cell in row) for row in sheet.rows))


def _workbook(hide: Hiding) -> Parts:
    made: Any = workbooks.workbook(_rows(hide), sheet=hide("name of the sheet"))
    made.create_sheet("leer")
    made.properties.creator = hide("creator of the workbook")
    made.properties.keywords = hide("key words of the workbook")
    return parts_of(workbooks.saved(made))


def _ods_row(cell: str) -> str:
    value = f'<table:table-cell office:value-type="string"><text:p>{cell}</text:p></table:table-cell>'
    return f"<table:table-row>{value}</table:table-row>"


def _ods_grafts(hide: Hiding) -> tuple[tuple[str, bool, str], ...]:
    """What goes into the content, each at the first such tag: before it or behind it."""
    return (
        (
            "<table:table ",
            False,
            (
                f'<table:table table:name="{hide("name of a hidden sheet")}" table:style-name="off">'
                f"{_ods_row(hide('cell of a hidden sheet'))}</table:table>"
            ),
        ),
        (
            "<office:body>",
            False,
            (
                '<office:automatic-styles><style:style style:name="off" style:family="table">'
                '<style:table-properties table:display="false"/></style:style><number:text-style style:name="N9">'
                f"<number:text>{hide('literal of a data style')}</number:text></number:text-style>"
                "</office:automatic-styles>"
            ),
        ),
        (
            "<text:p>",
            False,
            (
                f"<office:annotation><dc:creator>{hide('author of an annotation')}</dc:creator>"
                f"<text:p>{hide('annotation of a cell')}</text:p></office:annotation>"
            ),
        ),
        (
            "</table:table>",
            False,
            (
                f'<table:table-row table:visibility="collapse"><table:table-cell '
                f'office:value-type="string"><text:p>{hide("cell of a collapsed row")}</text:p></table:table-cell>'
                "</table:table-row>"
            ),
        ),
        (
            "<office:spreadsheet>",
            True,
            (
                "<table:tracked-changes><table:cell-content-change><table:previous>"
                f"<table:change-track-table-cell><text:p>{hide('value before a tracked change')}</text:p>"
                "</table:change-track-table-cell></table:previous></table:cell-content-change></table:tracked-changes>"
                f'<table:content-validations><table:content-validation table:name="{hide("name of a validation")}">'
                f"<table:help-message><text:p>{hide('help of a validation')}</text:p></table:help-message>"
                "</table:content-validation></table:content-validations>"
            ),
        ),
        (
            "</office:spreadsheet>",
            False,
            (
                "<table:named-expressions><table:named-range table:name="
                f'"{hide("name of a range")}"/></table:named-expressions><table:database-ranges><table:database-range '
                f'table:name="{hide("name of a database range")}"/></table:database-ranges>'
                f'<table:dde-links><table:dde-link><office:dde-source office:dde-topic="{hide("DDE topic")}"/>'
                "</table:dde-link></table:dde-links>"
            ),
        ),
        (
            "<table:table-row>",
            False,
            (
                "<table:shapes><draw:frame><draw:text-box><text:p>"
                f"{hide('text box on the sheet')}</text:p></draw:text-box><svg:desc>{hide('description of a drawing')}"
                "</svg:desc></draw:frame></table:shapes>"
            ),
        ),
        (
            "<office:body>",
            False,
            (f'<office:scripts><script:event-listener xlink:href="{hide("listener of an event")}"/></office:scripts>'),
        ),
    )
