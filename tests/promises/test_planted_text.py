"""JSON, XML and plain text with something in every hiding place: nothing of it travels, or nothing does."""

from __future__ import annotations

import random
from functools import cache

import pytest

from gateway.formats.write_text import JSON, TEXT, XML
from gateway.policy.answers import Answers
from gateway.render.model import Rendition, State
from gateway.residue.gate import check
from gateway.residue.model import StructuredExpectation, WithheldSet, WithheldValue
from tests.corpus.texts import DOCUMENTS, SHOWN, answered
from tests.support import journey
from tests.support.originals import Planted
from tests.support.planted_workbook import secret
from tests.support.world import World

SEED = random.SystemRandom().randrange(1 << 32)


@cache
def hidden(place: str) -> str:
    """The secret of this hiding place; another one in every run."""
    return secret(SEED, int.from_bytes(place.encode()))


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


@pytest.mark.parametrize("media_type", list(DOCUMENTS))
def test_nothing_that_hides_in_a_text_travels(own_world: World, media_type: str) -> None:
    data, secrets = planted(media_type)
    assert len(set(secrets)) >= 8
    rendition = rendered(own_world, media_type, data, answered(data, media_type, own_world.gateway.sandbox))
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
