"""JSON, XML and plain text with something in every hiding place: nothing of it travels, or nothing does."""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from functools import cache

import pytest

from gateway.formats.model import PATH_SEPARATOR, Element
from gateway.formats.structured import StructuredFormat
from gateway.formats.write_text import JSON, TEXT, XML
from gateway.policy.answers import Answers
from gateway.render.model import Rendition, State
from gateway.residue.gate import check
from gateway.residue.model import StructuredExpectation, WithheldSet, WithheldValue
from tests.support import journey
from tests.support.originals import Planted
from tests.support.planted_workbook import secret
from tests.support.world import World

SEED = random.SystemRandom().randrange(1 << 32)
SHOWN = "Servo drive SV2"


Hide = Callable[[str], str]


@cache
def hidden(place: str) -> str:
    """The secret of this hiding place; another one in every run."""
    return secret(SEED, int.from_bytes(place.encode()))


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


def planted(media_type: str) -> tuple[bytes, list[str]]:
    """The document, and every secret that was hidden in it."""
    secrets: list[str] = []

    def hide(place: str) -> str:
        secrets.append(hidden(place))
        return secrets[-1]

    return DOCUMENTS[media_type](hide).encode(), secrets


def rendered(world: World, media_type: str, data: bytes, answers: Answers) -> Rendition:
    one = Planted(media_type, "technical_details", media_type, f"{hidden('file name')}.txt", data, (), answers)
    return journey.rendered(world, [one]).renditions[media_type]


def answered(world: World, media_type: str, data: bytes) -> Answers:
    """Everything but what is meant to be shown is left out."""
    form = StructuredFormat(lambda _values: frozenset())
    fields = form.survey(form.read(data, media_type, world.gateway.sandbox))
    columns = [field for field in fields if field.element is Element.COLUMN]
    kept = {"product", "grade"}
    dropped = [one.id for one in columns if one.label.rpartition(PATH_SEPARATOR)[2].casefold() not in kept]
    return Answers(columns=dict.fromkeys(dropped, "drop"))


@pytest.mark.parametrize("media_type", list(DOCUMENTS))
def test_nothing_that_hides_in_a_text_travels(own_world: World, media_type: str) -> None:
    data, secrets = planted(media_type)
    assert len(set(secrets)) >= 8
    rendition = rendered(own_world, media_type, data, answered(own_world, media_type, data))
    assert rendition.state is State.CLEAN, f"seed {SEED}: {rendition.reason}"
    with own_world.gateway.units.read() as session:
        released = own_world.gateway.renders.part(session, rendition.object_id).decode().casefold()
    secrets.append(hidden("file name"))
    spelt = [spelling.casefold() for text in secrets for spelling in (text, text.encode().hex())]
    assert not [text for text in spelt if text in released], f"seed {SEED}"
    assert SHOWN.casefold() in released


@pytest.mark.parametrize(
    ("media_type", "data"),
    [
        (JSON, '{"product": "%s", "product": "SECRET"}'),
        (JSON, '{"product": "%s"} SECRET'),
        (JSON, '// SECRET\n{"product": "%s"}'),
        (JSON, '{"product": "%s", "a": "SECRET\\ud83d"}'),
        (XML, '<!DOCTYPE r [<!ENTITY e "SECRET">]><r><product>%s&e;</product></r>'),
        (XML, '<!DOCTYPE r SYSTEM "http://127.0.0.1/SECRET"><r><product>%s</product></r>'),
        (XML, "<r><product>%s</product></r>SECRET"),
        (XML, "<r>SECRET<product>%s</product></r>"),
        (XML, "<r><product>%s<b/>SECRET</product></r>"),
        (TEXT, "Product: %s\n\u2028SECRET"),
    ],
)
def test_what_no_reader_could_be_sure_of_is_refused(own_world: World, media_type: str, data: str) -> None:
    raw = (data % SHOWN).replace("SECRET", hidden("refused")).encode()
    rendition = rendered(own_world, media_type, raw, Answers())
    assert (rendition.state, rendition.object_id) == (State.REFUSED, None), f"seed {SEED}"
    assert hidden("refused") not in (rendition.reason or "")


@pytest.mark.parametrize("media_type", list(DOCUMENTS))
def test_the_gate_alone_blocks_the_original_itself(media_type: str) -> None:
    """A rebuild that passes the bytes through is found out."""
    data, secrets = planted(media_type)
    values = tuple(WithheldValue(text, "column/9 row 1") for text in secrets)
    expected = StructuredExpectation(media_type, ("Product",), ("column/1",), (1,), "mark")
    assert not check(data, expected, WithheldSet(values)).clean
