"""What may stand in a workbook of ours: every member, element, attribute and value; all else is a finding.

For each member its elements by path from the root, and for each the attributes that it may carry with the form of
their values. Nothing that hides, links, calculates, protects, comments or extends has a form here, and no colour that
could not be read on its ground.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from types import MappingProxyType

from gateway.residue.strict_xml import Grammar

MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
OFFICE = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
PACKAGE = "http://schemas.openxmlformats.org/package/2006"
XML = "http://www.w3.org/XML/1998/namespace"


def _grammar(told: Mapping[str, Mapping[str, str]]) -> Grammar:
    return MappingProxyType(
        {path: {name: re.compile(form) for name, form in forms.items()} for path, forms in told.items()}
    )


_WHOLE = r"[1-9][0-9]{0,6}|0"
_AREA = r"A1:[A-Z]{1,3}[1-9][0-9]{0,6}"
# From 9 characters and 15 points on: nothing is too narrow or too low to be seen.
_WIDTH, _HEIGHT = r"9|[1-9][0-9]", r"1[5-9]|[2-9][0-9]|[1-3][0-9]{2}"
_SORT = r"application/vnd\.openxmlformats-officedocument\.spreadsheetml\."
NUMBER_FORMAT = r'(?:#,##0|0)(?:\.0{1,6})?(?:" ([a-z%][a-z%0-9]{0,9})")?|General'
DAY_FORMAT = r"yyyy\-mm\-dd"

CONTENT_TYPES = _grammar(
    {
        "Types": {},
        "Types/Default": {
            "Extension": "rels",
            "ContentType": r"application/vnd\.openxmlformats-package\.relationships\+xml",
        },
        "Types/Override": {
            "PartName": r"/xl/(?:workbook|styles|worksheets/sheet[12])\.xml",
            "ContentType": rf"{_SORT}(?:sheet\.main|styles|worksheet)\+xml",
        },
    }
)
RELATIONSHIPS = _grammar(
    {
        "Relationships": {},
        "Relationships/Relationship": {
            "Id": "rId[123]",
            "Type": rf"{re.escape(OFFICE)}/(?:officeDocument|worksheet|styles)",
            "Target": r"(?:xl/workbook|worksheets/sheet[12]|styles)\.xml",
        },
    }
)
WORKBOOK = _grammar(
    {
        "workbook": {},
        "workbook/bookViews": {},
        "workbook/bookViews/workbookView": {"activeTab": "0"},
        "workbook/sheets": {},
        # The names are compared with those that were expected.
        "workbook/sheets/sheet": {"name": r"[^\x00-\x1f]{1,31}", "sheetId": "[12]", f"{OFFICE} id": "rId[12]"},
        "workbook/definedNames": {},
        "workbook/definedNames/definedName": {"name": r"_xlnm\.Print_Titles", "localSheetId": "0"},
    }
)
_INK, _QUIET = "FF1F2933", "FF5F6B7A"
_EDGES: Mapping[str, Mapping[str, str]] = {
    f"styleSheet/borders/border/{edge}": {} for edge in ("left", "right", "top", "diagonal")
}
STYLES = _grammar(
    {
        "styleSheet": {},
        **{
            f"styleSheet/{many}": {"count": "[1-9][0-9]{0,2}"}
            for many in ("numFmts", "fonts", "fills", "borders", "cellStyleXfs", "cellXfs", "cellStyles")
        },
        "styleSheet/numFmts/numFmt": {
            "numFmtId": "1[6-9][0-9]|[2-9][0-9]{2}",
            "formatCode": f"{re.escape(DAY_FORMAT)}|{NUMBER_FORMAT}",
        },
        "styleSheet/fonts/font": {},
        "styleSheet/fonts/font/b": {},
        "styleSheet/fonts/font/sz": {"val": "8|10|11|16"},
        "styleSheet/fonts/font/color": {"rgb": f"{_INK}|{_QUIET}"},
        "styleSheet/fonts/font/name": {"val": "Calibri"},
        "styleSheet/fonts/font/family": {"val": "2"},
        "styleSheet/fills/fill": {},
        "styleSheet/fills/fill/patternFill": {"patternType": "none|gray125|solid"},
        "styleSheet/fills/fill/patternFill/fgColor": {"rgb": "FFDCE6F0|FFEEF0F2"},
        "styleSheet/fills/fill/patternFill/bgColor": {"indexed": "64"},
        "styleSheet/borders/border": {},
        **_EDGES,
        "styleSheet/borders/border/bottom": {"style": "thin"},
        "styleSheet/borders/border/bottom/color": {"rgb": "FFC3CCD6"},
        "styleSheet/cellStyleXfs/xf": dict.fromkeys(("numFmtId", "fontId", "fillId", "borderId"), "0"),
        "styleSheet/cellXfs/xf": {
            **dict.fromkeys(("numFmtId", "fontId", "fillId", "borderId"), "[0-9]{1,3}"),
            "xfId": "0",
            **{f"apply{what}": "[01]" for what in ("NumberFormat", "Font", "Fill", "Border", "Alignment")},
        },
        "styleSheet/cellStyles/cellStyle": {"name": "Normal", "xfId": "0", "builtinId": "0"},
        "styleSheet/cellXfs/xf/alignment": {
            "horizontal": "left|right",
            "vertical": "top|center",
            "wrapText": "1",
            "indent": "1",
        },
    }
)
SHEET = _grammar(
    {
        "worksheet": {},
        "worksheet/sheetPr": {},
        "worksheet/sheetPr/pageSetUpPr": {"fitToPage": "1"},
        "worksheet/dimension": {"ref": _AREA},
        "worksheet/sheetViews": {},
        "worksheet/sheetViews/sheetView": {"tabSelected": "1", "showGridLines": "0", "workbookViewId": "0"},
        "worksheet/sheetViews/sheetView/pane": {
            "ySplit": "1",
            "topLeftCell": "A2",
            "activePane": "bottomLeft",
            "state": "frozen",
        },
        "worksheet/sheetFormatPr": {"defaultRowHeight": "15"},
        "worksheet/cols": {},
        "worksheet/cols/col": {"min": _WHOLE, "max": _WHOLE, "width": _WIDTH, "customWidth": "1"},
        "worksheet/sheetData": {},
        "worksheet/sheetData/row": {"r": _WHOLE, "ht": _HEIGHT, "customHeight": "1"},
        "worksheet/sheetData/row/c": {"r": "[A-Z]{1,3}[1-9][0-9]{0,6}", "s": "[0-9]{1,3}", "t": "inlineStr"},
        "worksheet/sheetData/row/c/is": {},
        "worksheet/sheetData/row/c/is/t": {f"{XML} space": "preserve"},
        "worksheet/sheetData/row/c/v": {},
        "worksheet/autoFilter": {"ref": _AREA},
        "worksheet/pageMargins": dict.fromkeys(
            ("left", "right", "top", "bottom", "header", "footer"), r"0\.(?:3|5|75)"
        ),
        "worksheet/pageSetup": {"paperSize": "9", "orientation": "landscape", "fitToHeight": "0"},
        "worksheet/headerFooter": {},
        "worksheet/headerFooter/oddHeader": {},
        "worksheet/headerFooter/oddFooter": {},
    }
)

TABLE_SHEET, NOTICE_SHEET = "xl/worksheets/sheet1.xml", "xl/worksheets/sheet2.xml"
WORKBOOK_PART, STYLES_PART = "xl/workbook.xml", "xl/styles.xml"
PARTS: Mapping[str, tuple[str, Grammar]] = MappingProxyType(
    {
        "[Content_Types].xml": (f"{PACKAGE}/content-types", CONTENT_TYPES),
        "_rels/.rels": (f"{PACKAGE}/relationships", RELATIONSHIPS),
        WORKBOOK_PART: (MAIN, WORKBOOK),
        "xl/_rels/workbook.xml.rels": (f"{PACKAGE}/relationships", RELATIONSHIPS),
        STYLES_PART: (MAIN, STYLES),
        TABLE_SHEET: (MAIN, SHEET),
        NOTICE_SHEET: (MAIN, SHEET),
    }
)

# Words of the format that a finding may be called by; a name outside of them could itself be what must not leave.
VOCABULARY = frozenset(
    [
        "activeX",
        "alt",
        "alternateContent",
        "autoFilter",
        "calcChain",
        "calcPr",
        "cellWatches",
        "chart",
        "chartsheet",
        "codeName",
        "colBreaks",
        "collapsed",
        "comment",
        "comments",
        "conditionalFormatting",
        "connections",
        "controls",
        "core",
        "app",
        "custom",
        "customProperties",
        "customSheetViews",
        "customWorkbookViews",
        "customXml",
        "dataValidations",
        "definedName",
        "description",
        "dialogsheet",
        "docProps",
        "drawing",
        "embeddings",
        "endnotes",
        "extLst",
        "externalLink",
        "externalLinks",
        "externalReferences",
        "f",
        "fileSharing",
        "fileVersion",
        "functionGroups",
        "hidden",
        "hyperlink",
        "hyperlinks",
        "ignoredErrors",
        "image",
        "ink",
        "legacyDrawing",
        "macro",
        "media",
        "mergeCell",
        "mergeCells",
        "metadata",
        "oleObjects",
        "oleSize",
        "outlineLevel",
        "persons",
        "phoneticPr",
        "picture",
        "pivotCache",
        "pivotCaches",
        "pivotTable",
        "pivotTables",
        "printerSettings",
        "protectedRanges",
        "protection",
        "queryTable",
        "queryTables",
        "r",
        "rPh",
        "rPr",
        "revisionHeaders",
        "revisions",
        "richData",
        "rowBreaks",
        "scenarios",
        "shared",
        "sharedStrings",
        "sheetCalcPr",
        "sheetProtection",
        "si",
        "slicers",
        "smartTags",
        "sst",
        "state",
        "tableParts",
        "tables",
        "thumbnail",
        "theme",
        "threadedComments",
        "timelines",
        "userNames",
        "vbaProject",
        "vmlDrawing",
        "webExtensions",
        "webPublishItems",
        "workbookPr",
        "workbookProtection",
        "xmlMaps",
        "zeroHeight",
    ]
)
NAMES = VOCABULARY | {
    name.rpartition(" ")[2]
    for _, allowed in PARTS.values()
    for path, forms in allowed.items()
    for name in (*path.split("/"), *forms)
}
