"""One original in every format that is taken here, each with what must never leave it planted and listed."""

from __future__ import annotations

import csv
import io
import random
import struct
import zlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cache
from typing import Any

import pytest
from PIL import Image, PngImagePlugin

from gateway.cli.specimens import film, papers, section
from gateway.formats.model import Box
from gateway.policy.answers import Answers, Region
from tests.support import workbooks
from tests.support.workbooks import ODS, XLSX

DOCX = "application/vnd.openxmlformats-officedocument.wordprocessingml.document"

WORK_AREA = Box(64, 48, 880, 656)
FACE = Box(208, 160, 80, 64)
OUTSIDE = Box(0, 0, 60, 44)
UNNAMED = Box(704, 112, 64, 48)
HIDDEN_RED, HIDDEN_BLUE = 250, 5

_FIRST = (
    "Brundel", "Castelmar", "Dorwegen", "Elsterkamp", "Fenwickel", "Grunhelm", "Halbschuh", "Irgendal", "Jorvikson",
    "Kaltenegg",
)  # fmt: skip
_SECOND = (
    "Aerodynes", "Borealis", "Cryotech", "Dynamotor", "Electrodes", "Foundries", "Gearworks", "Hydraulix", "Impellers",
    "Junctions",
)  # fmt: skip
_PEOPLE = (
    "Wohlfahrtius", "Ferrantinov", "Degasperian", "Hathersager", "Wroblewskin", "Montferrans", "Odegaardson",
    "Kuhlmeyerin",
)  # fmt: skip


@dataclass(frozen=True)
class Planted:
    """An original, the answers a person gives about it, and the texts that no released file may hold.

    `hidden` are the boxes of a picture, in source pixels, that are full of pixels of a colour found nowhere else.
    """

    label: str
    kind: str
    media_type: str
    file_name: str
    data: bytes
    secrets: tuple[str, ...]
    answers: Answers = field(default_factory=Answers)
    hidden: tuple[Box, ...] = ()

    @property
    def is_table(self) -> bool:
        """Whether this is a table, else a picture."""
        return self.media_type in {"text/csv", XLSX, ODS}

    def with_data(self, data: bytes, *secrets: str, answers: Answers | None = None) -> Planted:
        """The same with other bytes, further secrets and perhaps other answers."""
        return replace(self, data=data, secrets=(*self.secrets, *secrets), answers=answers or self.answers)


@dataclass(frozen=True)
class Sheet:
    """A table before it is written: headers and rows of texts."""

    headers: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]

    def column(self, header: str) -> tuple[str, ...]:
        """All cells under this header."""
        place = self.headers.index(header)
        return tuple(row[place] for row in self.rows)

    def with_column(self, header: str, cells: Sequence[str]) -> Sheet:
        """The same with one more column at the end."""
        return Sheet((*self.headers, header), tuple((*row, cell) for row, cell in zip(self.rows, cells, strict=True)))

    def csv(self, delimiter: str = ",") -> bytes:
        """As a spreadsheet saves it."""
        sink = io.StringIO(newline="")
        csv.writer(sink, delimiter=delimiter, lineterminator="\r\n").writerows((self.headers, *self.rows))
        return sink.getvalue().encode("utf-8")

    def xlsx(self) -> bytes:
        """As a workbook."""
        return workbooks.xlsx((self.headers, *self.rows), sheet="Interna Blattname")

    def ods(self) -> bytes:
        """As an OpenDocument spreadsheet."""
        return workbooks.ods((self.headers, *self.rows), sheet="Interna Blattname")


@cache
def customers(rows: int = 12) -> Sheet:
    """A customer list; every third end user is one of the licence."""
    chance = random.Random("promises/customers")
    headers = (
        "Customer no.", "Customer", "Country", "City", "Address", "End user", "Licensed", "Civil application",
        "Programme", "Share of sales (%)", "Volume (kg)", "Since", "Contact person", "E-Mail", "Phone", "IBAN",
        "Payment terms", "Remarks",
    )  # fmt: skip
    made = []
    for at in range(rows):
        name = f"{_FIRST[at % 10]} {_SECOND[(at * 3 + at // 10) % 10]} GmbH"
        person = f"{_PEOPLE[at % 8]} {_FIRST[(at + 4) % 10]}"
        licensed = at % 3 == 0
        made.append(
            (
                f"K-{chance.randint(100000, 999999)}", name, chance.choice(("DE", "FR", "IT")),
                f"{_FIRST[(at + 7) % 10]}stadt", f"{_SECOND[at % 10]}gasse {at + 11}",
                "Hallbach Servoantriebe GmbH" if licensed else f"{_SECOND[at % 10]} {_PEOPLE[(at + 3) % 8]} AG",
                "yes" if licensed else "no", chance.choice(("Pumps", "Robotics", "Lifts")),
                f"Projekt {_FIRST[(at + 2) % 10]}-X{at}", f"{chance.randint(11, 480) / 10}",
                f"{chance.randint(110, 59999) / 10}", str(chance.randint(1991, 2024)), person,
                f"{person.partition(' ')[0].lower()}{at}@{_FIRST[at % 10].lower()}.example", f"+44 20 7946 0{300 + at}",
                _iban(chance), f"{14 + at} Tage {_PEOPLE[at % 8]}skonto",
                f"Mahnstufe zwei {_SECOND[(at + 5) % 10]} offen",
            )
        )  # fmt: skip
    return Sheet(headers, tuple(made))


@cache
def orders(rows: int = 12) -> Sheet:
    """An order book."""
    chance = random.Random("promises/orders")
    headers = (
        "Order no.", "Customer", "End user", "Part number", "Description", "Drawing number", "Grade", "Rare earth",
        "RE content (kg)", "Qty (kg)", "Pieces", "Unit price (EUR)", "Order date", "Delivery date", "Destination",
        "Civil application", "Programme", "Contact person", "E-Mail", "Remarks",
    )  # fmt: skip
    made = []
    for at in range(rows):
        person = f"{_PEOPLE[at % 8]} {_FIRST[(at + 4) % 10]}"
        month, day = chance.randint(1, 12), chance.randint(10, 28)
        made.append(
            (
                f"SO-2025{chance.randint(100000, 999999)}", f"{_FIRST[at % 5]} {_SECOND[(at % 5) * 2]} GmbH",
                f"{_SECOND[at % 4]} {_PEOPLE[(at % 4) + 3]} AG", f"RM-{chance.randint(20000, 89999)}-Q{at % 7}",
                f"Rotorsegment {_FIRST[(at + 2) % 10]}", f"Z-{chance.randint(100000, 999999)}-B",
                chance.choice(("N42SH", "N38UH", "N35EH")), chance.choice(("Dy", "Tb")),
                f"{chance.randint(1, 2999) / 100 + 30:.2f}", f"{chance.randint(600, 9500) / 10 + 0.05:.2f}",
                str(chance.randint(5, 90000)), f"{chance.randint(110211, 989999) / 10000:.4f}",
                f"2025-{month:02d}-{day}", f"2026-{chance.randint(1, 12):02d}-{chance.randint(10, 28)}",
                chance.choice(("DE", "AT", "IT")), chance.choice(("Pumps", "Robotics", "Lifts")),
                f"Projekt {_FIRST[(at + 2) % 10]}-X{at}", person,
                f"{person.partition(' ')[0].lower()}{at}@orders.example",
                f"Zweitquelle {_SECOND[(at + 5) % 10]} angefragt",
            )
        )  # fmt: skip
    return Sheet(headers, tuple(made))


def customer_list() -> Planted:
    """`customers` as uploaded."""
    sheet = customers()
    names = ("Customer", "Programme", "Contact person", "E-Mail", "Phone", "IBAN", "Payment terms", "Remarks")
    secrets = [value for name in names for value in sheet.column(name)]
    secrets += [value for value in sheet.column("End user") if not value.startswith("Hallbach")]
    return Planted(
        "customer_list", "customer_list", "text/csv", "Kunden_streng-vertraulich_Nordlicht.csv", sheet.csv(),
        tuple(dict.fromkeys((*secrets, "streng-vertraulich_Nordlicht"))),
    )  # fmt: skip


def order_book() -> Planted:
    """`orders` as uploaded."""
    sheet = orders()
    names = ("Order no.", "Customer", "End user", "Part number", "Description", "Drawing number", "Unit price (EUR)",
             "Programme", "Contact person", "E-Mail", "Remarks")  # fmt: skip
    secrets = [value for name in names for value in sheet.column(name)]
    return Planted(
        "order_book", "order_book", "text/csv", "Auftragsbuch_Projekt-Polarstern.csv", sheet.csv(";"),
        tuple(dict.fromkeys((*secrets, "Auftragsbuch_Projekt-Polarstern"))),
    )  # fmt: skip


def customer_list_xlsx() -> Planted:
    """The same as a workbook."""
    name = "Kunden_streng-vertraulich_Polarnacht.xlsx"
    return replace(
        customer_list(), label="customer_list_xlsx", media_type=XLSX, file_name=name, data=customers().xlsx(),
        secrets=(*customer_list().secrets, "streng-vertraulich_Polarnacht", "Interna Blattname"),
    )  # fmt: skip


def order_book_ods() -> Planted:
    """The same as an OpenDocument spreadsheet."""
    return replace(
        order_book(), label="order_book_ods", media_type=ODS, file_name="Auftragsbuch_Projekt-Suedstern.ods",
        data=orders().ods(), secrets=(*order_book().secrets, "Auftragsbuch_Projekt-Suedstern", "Interna Blattname"),
    )  # fmt: skip


TAGS: Mapping[str, str] = {
    "make": "Lichtwerk Geheimkamera 4711",
    "artist": "Korbinian Brandlhuberian",
    "comment": "Auftrag SO-2025041881 Freigabe offen",
    "creator": "brandlhuber.k@rheintal-motion.example",
    "private": "Klebespalt nulldreifuenf Millimeter",
    "appended": "Nachgestelltes Archivgeheimnis Dreizehn",
    "thumbnail": "Vorschaubildgeheimnis Linksunten",
}


def photo_jpeg(*, appended: bytes = b"") -> Planted:
    """A JPEG with EXIF, XMP, an unknown application segment and a comment, and perhaps bytes behind its end."""
    scene = _scene()
    exif = scene.getexif()
    exif[0x010F], exif[0x013B], exif[0x010E] = TAGS["make"], TAGS["artist"], TAGS["thumbnail"]
    sink = io.BytesIO()
    scene.save(sink, "JPEG", quality=90, subsampling=0, exif=exif, comment=TAGS["comment"].encode())
    data = sink.getvalue()
    xmp = b"http://ns.adobe.com/xap/1.0/\x00" + _xmp()
    data = data[:2] + segment(0xE1, xmp) + segment(0xE9, b"PRIV\x00" + TAGS["private"].encode()) + data[2:]
    return Planted(
        "photo_jpeg", "production_photo", "image/jpeg", "IMG_Halle3_Schicht-Brandl.jpg", data + appended,
        (*TAGS.values(), "Halle3_Schicht-Brandl"), _regions(), (FACE, OUTSIDE, UNNAMED),
    )  # fmt: skip


def photo_png(*, appended: bytes = b"") -> Planted:
    """A PNG with text chunks of every sort, EXIF, a chunk nobody knows, and perhaps bytes behind its end."""
    scene = _scene()
    exif = Image.Exif()
    exif[0x010F], exif[0x013B], exif[0x010E] = TAGS["make"], TAGS["artist"], TAGS["thumbnail"]
    texts = PngImagePlugin.PngInfo()
    texts.add_text("Comment", TAGS["comment"])
    texts.add_text("Author", TAGS["artist"], zip=True)
    texts.add_itxt("XML:com.adobe.xmp", _xmp().decode())
    sink = io.BytesIO()
    scene.save(sink, "PNG", compress_level=1, pnginfo=texts, exif=exif)
    data = sink.getvalue()
    data = data[:33] + chunk(b"prVt", TAGS["private"].encode()) + data[33:]
    return Planted(
        "photo_png", "production_photo", "image/png", "Linie2_Prototyp-Zitadelle.png", data + appended,
        (*TAGS.values(), "Linie2_Prototyp-Zitadelle"), _regions(), (FACE, OUTSIDE, UNNAMED),
    )  # fmt: skip


def contract_docx() -> Planted:
    """A contract with headers, a comment, hidden words and a table of prices."""
    made = papers.contract(7)
    return Planted(
        "contract_docx", "contract", DOCX, "Rahmenvertrag_Projekt-Morgenstern.docx", made.data,
        (*made.withheld, "Projekt-Morgenstern"), Answers(terms=made.terms, confirmed=True),
    )  # fmt: skip


def mail_eml() -> Planted:
    """A thread of messages with a blind copy and another text in its HTML."""
    made = papers.correspondence(7)
    return Planted(
        "mail_eml", "correspondence", "message/rfc822", "Re_Lieferverzug-Morgenstern.eml", made.data,
        (*made.withheld, "Lieferverzug-Morgenstern"), Answers(terms=made.terms, confirmed=True),
    )  # fmt: skip


def schematic_dxf() -> Planted:
    """A motor in section with a title block, tolerances and process notes."""
    made = section.schematic(7)
    return Planted(
        "schematic_dxf", "schematic", "image/vnd.dxf", "Motor_Schnitt-Morgenstern.dxf", made.data,
        (*made.withheld, "Schnitt-Morgenstern"), Answers(confirmed=True),
    )  # fmt: skip


def schematic_svg() -> Planted:
    """An outline with a magnet, and around them what no layer names."""
    secrets = ("Klebespalt nulldreifuenf", "Vorrichtung W-4711 Spannweite", "gezeichnet Brandlhuberian")
    data = (
        '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 400 200">'
        f"<desc>{secrets[2]}</desc><!-- {secrets[1]} -->"
        '<g id="OUTLINE"><rect x="20" y="20" width="300" height="120" fill="none" stroke="black"/></g>'
        '<g id="MAGNET"><circle cx="90" cy="80" r="30" fill="none" stroke="blue"/>'
        '<text x="140" y="85" font-size="12">Magnet N42SH</text></g>'
        f'<g id="PROCESS"><text x="140" y="110" font-size="12">{secrets[0]}</text></g>'
        f'<g id="OUTLINE-2" display="none"><text x="10" y="10">{secrets[1]}</text></g></svg>'
    )
    return Planted(
        "schematic_svg", "schematic", "image/svg+xml", "Motor_Skizze-Morgenstern.svg", data.encode(),
        (*secrets, "Skizze-Morgenstern"), Answers(confirmed=True),
    )  # fmt: skip


def video_mp4() -> Planted:
    """A conveyor with a label that moves along, sound, a place and a chapter."""
    made = film.line_video(7)
    answers = Answers.from_json({"regions": [*made.regions], "confirmed": True})
    return Planted(
        "video_mp4", "line_video", "video/mp4", "Linie2_Nachtschicht-Morgenstern.mp4", made.data,
        (*made.withheld, "Nachtschicht-Morgenstern"), answers,
    )  # fmt: skip


# What every push renders again and again, and what `make nightly` does as well.
EVERY_PUSH: Mapping[str, Callable[[], Planted]] = {
    "customer_list": customer_list,
    "order_book": order_book,
    "customer_list_xlsx": customer_list_xlsx,
    "order_book_ods": order_book_ods,
    "photo_jpeg": photo_jpeg,
    "photo_png": photo_png,
}
BY_NIGHT: Mapping[str, Callable[[], Planted]] = {
    "contract_docx": contract_docx,
    "mail_eml": mail_eml,
    "schematic_dxf": schematic_dxf,
    "schematic_svg": schematic_svg,
    "video_mp4": video_mp4,
}
FORMATS = {**EVERY_PUSH, **BY_NIGHT}


def labels(*also: str) -> list[Any]:
    """For `parametrize`: every format, those of `BY_NIGHT` by night unless they are among `also`."""
    slow = (label for label in BY_NIGHT if label not in also)
    return [*EVERY_PUSH, *also, *(pytest.param(label, marks=pytest.mark.nightly) for label in slow)]


LABELS = labels()

SHEETS: Mapping[str, tuple[Callable[[], Sheet], Callable[[Sheet], bytes]]] = {
    "customer_list": (customers, Sheet.csv),
    "order_book": (orders, Sheet.csv),
    "customer_list_xlsx": (customers, Sheet.xlsx),
    "order_book_ods": (orders, Sheet.ods),
}


@cache
def planted(label: str) -> Planted:
    """The original of this format, made once."""
    return FORMATS[label]()


def _regions() -> Answers:
    return Answers(
        regions=(Region("work_area", WORK_AREA), Region("face", FACE), Region("other", UNNAMED)), confirmed=True
    )


@cache
def _scene() -> Image.Image:
    """1000 × 760 pixels of a dull, noisy shop floor; what must stay hidden is noise in two screaming colours."""
    chance = random.Random("promises/scene")
    coarse = Image.frombytes("L", (125, 95), chance.randbytes(125 * 95)).resize((1000, 760), Image.Resampling.BICUBIC)
    ground = coarse.point(lambda level: 70 + level // 24 * 8)
    scene = Image.merge("RGB", (ground, ground.point(lambda level: level + 8), ground))
    for box in (FACE, OUTSIDE, UNNAMED):
        noise = Image.frombytes(
            "L", (box.width_px // 4, box.height_px // 4), chance.randbytes(box.width_px * box.height_px // 16)
        )
        level = noise.resize((box.width_px, box.height_px), Image.Resampling.NEAREST).point(
            lambda one: 255 * (one > 127)
        )
        one = Image.new("RGB", level.size, (HIDDEN_RED, 0, 120))
        other = Image.new("RGB", level.size, (HIDDEN_BLUE, 0, 250))
        scene.paste(Image.composite(one, other, level), (box.left_px, box.top_px))
    return scene


def _xmp() -> bytes:
    return (
        '<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">'
        '<rdf:Description rdf:about="" xmlns:dc="http://purl.org/dc/elements/1.1/">'
        f"<dc:creator><rdf:Seq><rdf:li>{TAGS['creator']}</rdf:li></rdf:Seq></dc:creator>"
        "</rdf:Description></rdf:RDF></x:xmpmeta>"
    ).encode()


def segment(marker: int, body: bytes) -> bytes:
    """A segment of a JPEG."""
    return struct.pack(">BBH", 0xFF, marker, len(body) + 2) + body


def chunk(name: bytes, body: bytes) -> bytes:
    """A chunk of a PNG, with its sum."""
    return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))


def _iban(chance: random.Random) -> str:
    account = f"00000000{chance.randint(10**9, 10**10 - 1)}"
    compact = f"DE{98 - int(f'{account}131400') % 97:02d}{account}"
    return " ".join(compact[start : start + 4] for start in range(0, len(compact), 4))
