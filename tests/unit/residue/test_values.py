"""What must be found, and what must not: a false alarm keeps a lawful document from leaving."""

from __future__ import annotations

import base64
import bz2
import gzip
import io
import lzma
import quopri
import random
import zipfile
import zlib
from collections.abc import Callable
from urllib.parse import quote

import pytest

from gateway.residue import layers, values
from gateway.residue.layers import Budget
from gateway.residue.model import Kind, WithheldSet, WithheldValue
from gateway.residue.values import Needles
from tests.support.renditions import withheld

NAME = "Nordwind Türbinen AG"
HAN = "浙江风电设备"
MAIL = "m.muster@nordwind.example"


def kinds(text: str, *secrets: str, shown: tuple[str, ...] = (), constants: tuple[str, ...] = ()) -> list[Kind]:
    needles = Needles(withheld(*secrets, shown=shown, constants=constants))
    return sorted({hit.kind for hit in needles.in_texts([text], Budget())})


def zipped(data: bytes) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("note.txt", data)
    return out.getvalue()


CHARSETS = ["utf-8", "utf-16-le", "utf-16-be", "utf-32-le", "utf-32-be", "gb18030"]
BINARY: dict[str, Callable[[bytes], bytes]] = {
    "zlib": zlib.compress,
    "gzip": gzip.compress,
    "bzip2": bz2.compress,
    "xz": lzma.compress,
    "zip": zipped,
    "zlib in zlib": lambda data: zlib.compress(zlib.compress(data)),
}
TEXTUAL: dict[str, Callable[[bytes], str]] = {
    "base64": lambda data: base64.b64encode(data).decode(),
    "base64, second alignment": lambda data: base64.b64encode(b"x" + data).decode(),
    "base64, third alignment": lambda data: base64.b64encode(b"xy" + data).decode(),
    "base64 without padding": lambda data: base64.b64encode(data).decode().rstrip("="),
    "base64, url-safe": lambda data: base64.urlsafe_b64encode(data).decode(),
    "base64 in lines": lambda data: base64.encodebytes(data * 6).decode().replace("\n", "\r\n"),
    "base64 behind letters": lambda data: "id" + base64.b64encode(data).decode(),
    "hex": bytes.hex,
    "hex, capitals": lambda data: data.hex().upper(),
    "hex with colons": lambda data: data.hex(":"),
    "hex with 0x": lambda data: "0x" + data.hex(),
    "percent": lambda data: "".join(f"%{byte:02X}" for byte in data),
    "quoted-printable": lambda data: "".join(f"={byte:02X}" for byte in data),
}


@pytest.mark.parametrize("secret", [NAME, HAN, MAIL])
@pytest.mark.parametrize("encode", TEXTUAL.values(), ids=TEXTUAL)
def test_found_in_textual_encodings(secret: str, encode: Callable[[bytes], str]) -> None:
    assert kinds(f"see {encode(secret.encode())} there", secret) == [Kind.ENCODED]


@pytest.mark.parametrize("secret", [NAME, HAN, MAIL])
@pytest.mark.parametrize("charset", CHARSETS)
def test_found_in_character_sets_under_base64(secret: str, charset: str) -> None:
    assert kinds(base64.b64encode(secret.encode(charset)).decode(), secret) == [Kind.ENCODED]


def test_found_in_big5() -> None:
    assert kinds(base64.b64encode("臺灣風電設備".encode("big5")).decode(), "臺灣風電設備") == [Kind.ENCODED]


@pytest.mark.parametrize("compress", BINARY.values(), ids=BINARY)
@pytest.mark.parametrize("secret", [NAME, HAN])
def test_found_in_compressed_streams(secret: str, compress: Callable[[bytes], bytes]) -> None:
    stream = compress(f"a note about {secret} and more".encode())
    needles = Needles(withheld(secret))
    assert Kind.ENCODED in {hit.kind for hit in needles.in_bytes([b"\xffrubbish" + stream + b"rubbish\xff"], Budget())}
    assert kinds(base64.b64encode(stream).decode(), secret) == [Kind.ENCODED]


def test_found_in_a_broken_stream_up_to_the_break() -> None:
    noise = random.Random(1).randbytes(20_000)
    stream = bytearray(zlib.compress(NAME.encode() + noise))
    stream[-200:] = bytes(200)
    needles = Needles(withheld(NAME))
    assert list(needles.in_bytes([bytes(stream)], Budget()))


@pytest.mark.parametrize(
    "text",
    [
        quote(NAME),
        quopri.encodestring(NAME.encode()).decode(),
        NAME.replace("ü", "&uuml;"),
        "".join(f"&#{ord(c)};" for c in NAME),
        "".join(f"&#x{ord(c):x};" for c in NAME),
        NAME.encode("ascii", "backslashreplace").decode(),
        "".join(f"\\u{ord(c):04x}" for c in NAME),
        "".join(f"\\u{{{ord(c):x}}}" for c in NAME),
        quote(base64.b64encode(NAME.encode()).decode()),
        base64.b64encode(base64.b64encode(NAME.encode())).decode(),
        base64.b64encode(quote(NAME).encode()).decode(),
    ],
)
def test_found_under_escapes_and_layers_of_them(text: str) -> None:
    assert kinds(text, NAME) == [Kind.ENCODED]


@pytest.mark.parametrize(
    "text",
    ["NORDWIND TÜRBINEN AG", "nordwind-türbinen_ag", "Ｎordwind  Ｔürbinen\u00a0AG",
     "ordered by Nordwind Türbinen AG today", "Nordwind\u200b Tu\u0308rbinen AG", "NordwindTürbinenAG",
     "xNordwind Türbinen AGx"],
)  # fmt: skip
def test_found_in_other_spellings_and_inside_sentences(text: str) -> None:
    assert kinds(text, NAME) == [Kind.VALUE]


@pytest.mark.parametrize(
    "text", ["4,821,150.77", "4.821.150,77", "4.82115077E6", "costs 4821150.77 in all", "4821150,77 €"]
)
def test_found_as_a_number(text: str) -> None:
    assert Kind.NUMBER in kinds(text, "4821150.77")


def test_a_withheld_name_inside_lawful_free_text_is_found() -> None:
    assert kinds("Siemens AG end use", "Siemens", shown=("Siemens AG end use",)) == [Kind.VALUE]


def test_half_a_word_is_no_find_until_it_says_a_lot() -> None:
    assert kinds("Submarine drives, Marines", "Marine") == []
    assert kinds("drives for the Marine", "Marine") == [Kind.VALUE]
    assert kinds("Nordwindprojekt", "Nordwind") == [Kind.VALUE]
    assert kinds("a4821150f and 948211507", "4821150") == []


def test_short_values_are_not_searched_everywhere() -> None:
    needles = Needles(withheld("DE", "500", "48211", "yes", "2025-03-14", "上"))
    texts = ["DE", "500", "48211 kg", "yes", "14.03.2025", "上海"]
    assert list(needles.in_texts(texts, Budget())) == []
    assert needles.counts()["short_exact_place_only"] == 6


@pytest.mark.parametrize(
    ("secret", "cell"),
    [("DE", "de."), ("500", "500,00"), ("48211", "48.211,00"), ("48211", "4.8211E4"), ("48211", "48,211"),
     ("2025-03-14", "14 March 2025"), ("2025-03-14", "2025-03-14T00:00:00Z"), ("yes", "YES"),
     ("2025-03-14 08:31:22", "14.03.2025")],
)  # fmt: skip
def test_short_values_are_found_in_their_own_field(secret: str, cell: str) -> None:
    needles = Needles(withheld(secret, field="column/4"))
    assert list(needles.at_exact_place("column/4", ["x", cell])) == [1]
    assert list(needles.at_exact_place("column/5", ["x", cell])) == []


@pytest.mark.parametrize(
    "cell", ["≥500 kg", "<500", "100 – <500 kg", "****500", "1500", "500 – 900", "2025-Q1", "2025-03"]
)
def test_what_a_transform_makes_is_not_its_value(cell: str) -> None:
    needles = Needles(withheld("500", "500 kg", "2025-03-14", field="column/4"))
    assert list(needles.at_exact_place("column/4", [cell])) == []


def test_what_is_lawfully_shown_is_subtracted_and_counted() -> None:
    lawful = withheld(
        NAME, "4821150.77", "DE", "2025-03-14", "—", shown=[NAME.upper(), "4,821,150.77", "de", "14.03.2025"]
    )
    needles = Needles(lawful)
    assert needles.counts() == {"searched": 0, "short_exact_place_only": 0, "subtracted": 4, "empty": 1}
    assert list(needles.in_texts([NAME, "4821150.77"], Budget())) == []


def test_only_equal_values_are_subtracted() -> None:
    assert kinds(NAME, NAME, shown=(f"{NAME} and others", "Nordwind")) == [Kind.VALUE]


def test_a_find_inside_a_constant_is_none() -> None:
    constants = ("Withheld: confidential business information of a customer",)
    assert kinds(f"1. {constants[0]}.", "confidential", "business information", constants=constants) == []
    assert kinds(f"1. {constants[0]}. Confidential!", "confidential", constants=constants) == [Kind.VALUE]
    assert kinds("confidential", "confidential", constants=("confidential",)) == []


def test_a_constant_covers_only_whole_words_of_its_own() -> None:
    assert kinds("Nordwind Turbinen", "Nordwind Turbinen", constants=("Nordwind", "Turbinen")) == [Kind.VALUE]


def test_a_constant_inside_a_longer_word_covers_nothing() -> None:
    assert kinds("xnordwindy", "nordwind", constants=("xnordwind",)) == [Kind.VALUE]


def test_a_number_within_a_constant_is_none() -> None:
    assert kinds("rule 20250404-7731924", "7731924", constants=("rule 20250404-7731924",)) == []


def test_pseudonyms_digests_and_ids_raise_no_alarm() -> None:
    rng = random.Random(20260131)
    alphabet = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
    lower = "abcdefghijklmnopqrstuvwxyz"
    secrets = ["".join(rng.choices(lower, k=rng.randint(5, 9))) for _ in range(5000)]
    secrets += [str(rng.randrange(10**6, 10**9)) for _ in range(5000)]
    secrets += [chr(rng.randrange(0x4E00, 0x9FA0)) + chr(rng.randrange(0x4E00, 0x9FA0)) for _ in range(2000)]
    texts = [f"P-{''.join(rng.choices(alphabet, k=8))}" for _ in range(5000)]
    texts += [rng.randbytes(32).hex() for _ in range(300)]
    texts += [base64.b64encode(rng.randbytes(48)).decode() for _ in range(300)]
    texts += [f"rel_{''.join(rng.choices(alphabet.lower(), k=26))}" for _ in range(300)]
    assert list(Needles(withheld(*secrets)).in_texts(texts, Budget())) == []


def test_random_bytes_raise_no_alarm() -> None:
    rng = random.Random(7)
    secrets = ["".join(rng.choices("abcdefghijklmnopqrstuvwxyz", k=rng.randint(6, 9))) for _ in range(2000)]
    secrets += ["".join(chr(rng.randrange(0x4E00, 0x9FA0)) for _ in range(3)) for _ in range(500)]
    data = rng.randbytes(2_000_000)
    assert list(Needles(withheld(*secrets)).in_bytes([data], Budget(), values.GUESSED_BITS)) == []


def test_the_unit_of_each_find_is_named() -> None:
    texts = ["a", NAME, "b", base64.b64encode(NAME.encode()).decode(), quote(NAME), zlib.compress(b"x").hex()]
    units = {hit.unit for hit in Needles(withheld(NAME)).in_texts(texts, Budget())}
    assert units == {1, 3, 4}


def test_blocks_keep_their_units(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(values, "_BLOCK_CHARS", 8)
    texts = ["aaaa", "bbbb", NAME, "4821150.77", "c", base64.b64encode(NAME.encode()).decode()]
    hits = {(hit.kind, hit.unit) for hit in Needles(withheld(NAME, "4821150.77")).in_texts(texts, Budget())}
    assert hits == {(Kind.VALUE, 2), (Kind.NUMBER, 3), (Kind.ENCODED, 5)}


def test_a_bomb_exhausts_the_budget_and_nothing_else() -> None:
    budget = Budget(bytes_left=1 << 20)
    bomb = zlib.compress(bytes(1 << 26))
    assert list(Needles(withheld(NAME)).in_bytes([bomb], budget)) == []
    assert budget.exhausted


def test_heads_of_streams_without_end_exhaust_the_budget() -> None:
    budget = Budget(tries_left=100)
    list(Needles(withheld(NAME)).in_bytes([b"\x78\x9c" * 1000], budget))
    assert budget.exhausted


def test_depth_is_bounded() -> None:
    text = NAME
    for _ in range(layers.MAX_DEPTH):
        text = base64.b64encode(text.encode()).decode()
        assert kinds(text, NAME) == [Kind.ENCODED]
    text = base64.b64encode(text.encode()).decode()
    assert kinds(text, NAME) == []
    text = "Nordwind & Türbinen AG"
    for _ in range(layers.MAX_DEPTH):
        text = quote(text)
        assert kinds(text, "Nordwind & Türbinen AG") == [Kind.ENCODED]
    assert kinds(quote(text), "Nordwind & Türbinen AG") == []


def test_identifiers_of_digits_are_searched_as_text() -> None:
    assert kinds("call +49 30 1234 5678 90 now", "493012345678 90") == [Kind.VALUE]
    assert kinds("call +49 30 1234 5678 now", "493012345678") == [Kind.VALUE]
    assert Kind.VALUE in kinds("ID:11010519491231002X", "11010519491231002X")


def test_letters_before_a_number_make_it_an_identifier() -> None:
    assert kinds("see SO-10023456 there", "SO-10023456") == [Kind.NUMBER, Kind.VALUE]
    assert Kind.VALUE in kinds("see SO 10023", "SO-10023")


def test_values_know_their_field() -> None:
    assert WithheldValue("x", "column/4 row 12").field == "column/4"
    assert WithheldValue("x", "metadata/EXIF:Model").field == "metadata/EXIF:Model"


def test_an_empty_set_finds_nothing() -> None:
    needles = Needles(WithheldSet(()))
    assert list(needles.in_texts(["anything 4821150"], Budget())) == []
    assert list(needles.in_bytes([b"anything"], Budget())) == []
    assert list(needles.in_bytes([], Budget())) == []
