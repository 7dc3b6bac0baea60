"""JSON, XML and plain text with something in every hiding place."""

from __future__ import annotations

import json
from collections.abc import Callable

from gateway.formats.model import PATH_SEPARATOR, Element
from gateway.formats.structured import StructuredFormat
from gateway.formats.write_text import JSON, TEXT, XML
from gateway.policy.answers import Answers
from gateway.sandbox.ports import Sandbox
from tests.corpus.places import Hiding, Specimen
from tests.support.originals import Planted

SHOWN = "Servo drive SV2"
Hide = Callable[[str], str]


def _json(hidden: Hide) -> str:
    nested = json.dumps({"inner": hidden("json in a string")})
    return json.dumps(
        {
            hidden("key above what leaves"): {"product": SHOWN, hidden("key beside what leaves"): "x"},
            "supplier": {"deep": [{"deeper": hidden("deep value")}], "no": hidden("named value")},
            "process": hidden("escaped value"),
            "remarks": nested,
            "parts": [
                {"grade": "N42SH", "supplier": hidden("beside in an item")},
                {"supplier": hidden("item of which nothing leaves")},
                hidden("bare element"),
            ],
            "unknown": hidden("unknown key"),
            "empty": {hidden("key without value"): {}},
            "drawing": hidden("looks like base64").encode().hex(),
        }
    ).replace(hidden("escaped value"), "".join(f"\\u{ord(sign):04x}" for sign in hidden("escaped value")))


def _xml(hidden: Hide) -> str:
    escaped = "".join(f"&#{ord(sign)};" for sign in hidden("character references"))
    return f"""\ufeff<?xml version="1.0" encoding="UTF-8"?>
<!-- {hidden("comment before")} --><?target {hidden("instruction")}?>
<r:{hidden("root element")} xmlns:r="urn:{hidden("namespace")}" xmlns:{hidden("prefix")}="urn:x">
  <product note="{hidden("attribute beside")}">{SHOWN}</product>
  <supplier><![CDATA[{hidden("CDATA")}]]></supplier><process>{escaped}</process>
  <parts><part><grade>N42SH</grade><drawing>{hidden("element in an item")}</drawing></part>
  <part id="{hidden("attribute in an item")}"><!-- {hidden("comment inside")} --></part></parts>
  <{hidden("element name")}/><remarks xml:lang="{hidden("language")}">{hidden("named element")}</remarks>
</r:{hidden("root element")}><!-- {hidden("comment after")} -->"""


def _text(hidden: Hide) -> str:
    return f"""\ufeffProduct: {SHOWN}
{hidden("label")}: 5
Supplier: {hidden("value of a label")}
{hidden("line without a label")}
   {hidden("indented line")}
# {hidden("comment line")}
Remarks：{hidden("after a wide colon")}
Process\t{hidden("after a tab")}


{hidden("line after a gap")}"""


DOCUMENTS: dict[str, Callable[[Hide], str]] = {JSON: _json, XML: _xml, TEXT: _text}


def answered(data: bytes, media_type: str, sandbox: Sandbox) -> Answers:
    """Everything but what is meant to be shown is left out."""
    form = StructuredFormat(lambda _values: frozenset())
    fields = form.survey(form.read(data, media_type, sandbox))
    columns = [field for field in fields if field.element is Element.COLUMN]
    kept = {"product", "grade"}
    dropped = [one.id for one in columns if one.label.rpartition(PATH_SEPARATOR)[2].casefold() not in kept]
    return Answers(columns=dict.fromkeys(dropped, "drop"))


def specimen(media_type: str, extension: str, sandbox: Sandbox, hide: Hiding) -> Specimen:
    """The document of this type."""
    data = DOCUMENTS[media_type](hide).encode()
    name = f"{hide('name of the file')}.{extension}"
    original = Planted(hide.label, "technical_details", media_type, name, data, (), answered(data, media_type, sandbox))
    return Specimen(original, hide.secrets, SHOWN)
