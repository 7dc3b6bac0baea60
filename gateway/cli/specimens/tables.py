"""A customer list and an order book as exports of a German motor maker's own systems: headers in three languages."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from gateway.cli.specimens import workbook

LICENSED_END_USER = "Hallbach Servoantriebe GmbH"
LICENSED_ADDRESS = "Gewerbering 14, 71701 Schwieberdingen"

_CUSTOMERS = (
    # name, number, country, city, street, tax id, segment, application, programme, contact, mail, phone, IBAN
    ("Nordwind Turbinenbau AG", "DE", "Bremerhaven", "Am Lunedeich 210", "DE811907980", "Wind energy"),
    ("Velocita Moto S.r.l.", "IT", "Bologna", "Via del Lavoro 47", "IT03821570374", "Two-wheelers"),
    ("Alpenglas Medizintechnik KG", "AT", "Dornbirn", "Färbergasse 15", "ATU67283901", "Medical devices"),
    ("Kestrel Pump Works Ltd", "GB", "Sheffield", "8 Carlisle Street East", "GB293847561", "Pumps"),
    ("Łódzkie Napędy Sp. z o.o.", "PL", "Łódź", "ul. Targowa 28", "PL7252018374", "Industrial drives"),
    ("Atelier Roulement SAS", "FR", "Annecy", "12 avenue des Îles", "FR40512983746", "Bearings"),
    ("Fjordkraft Robotics AS", "NO", "Stavanger", "Verksgata 62", "NO918273645", "Robotics"),
    ("Brandenburger Aufzugswerke GmbH", "DE", "Eberswalde", "Heegermühler Straße 64", "DE129384756", "Lifts"),
    ("Kanto Precision Actuators K.K.", "JP", "Kawasaki", "2-14 Minamiwatarida", "JP5020001093847", "Industrial drives"),
    ("Helvetia Dentalmotoren AG", "CH", "Biel/Bienne", "Längfeldweg 110", "CHE-293.847.561", "Medical devices"),
    ("Iberia Frenos y Sensores S.A.", "ES", "Vitoria-Gasteiz", "Calle Oreitiasolo 9", "ESA01928374", "Sensors"),
    ("Tulip E-Bike Systems B.V.", "NL", "Apeldoorn", "Vlijtseweg 144", "NL859283746B01", "Two-wheelers"),
    ("Skåne Hydraulik AB", "SE", "Helsingborg", "Landskronavägen 23", "SE556829374601", "Pumps"),
    ("Moravia Servo s.r.o.", "CZ", "Brno", "Vídeňská 204", "CZ28374651", "Industrial drives"),
)
_APPLICATIONS = {
    "Wind energy": "Pitch drive",
    "Two-wheelers": "Wheel hub motor",
    "Medical devices": "Hand-piece motor",
    "Pumps": "Canned motor pump",
    "Industrial drives": "Servo motor",
    "Bearings": "Magnetic bearing",
    "Robotics": "Joint actuator",
    "Lifts": "Gearless lift motor",
    "Sensors": "Position sensor",
}
_PROGRAMMES = (
    "Volta-X9", "Nordlicht II", "Sprinter 48V", "Aurelia Handpiece", "Trident 300", "Kolibri Lift", "Falcon Joint J6",
    "BlueWave 12MW", "Pamir Actuator", "Edelweiss ABS", "Zephyr Hub", "Orca Impeller", "Merlin Gripper",
    "Tatra Spindle",
)  # fmt: skip
_PEOPLE = (
    "Annegret Wohlfahrt", "Luca Ferrantini", "Roswitha Degasperi", "Imogen Hathersage", "Zbigniew Wróblewski",
    "Océane Montferrand", "Torbjørn Ødegaard", "Hans-Dieter Kuhlmey", "Shinobu Kanegawa", "Reto Schwarzenbach",
    "Itziar Goikoetxea", "Maaike van Veldhoven", "Göran Lindqvarn", "Bohumila Nezvalová",
)  # fmt: skip
_MANAGERS = ("Sabine Oberhauser", "Philipp Nägele", "Xu Lanying")
_END_USERS = (
    "Baltic Windpark Operations GmbH", "Cicli Montanari S.p.A.", "Universitätsklinik Vorarlberg",
    "Severn Water Pumping plc",
    "Huta Nowa Stal S.A.", "Laboratoires Belledonne", "Equatorial Offshore Services ASA",
    "Hochhaus Immobilien Spree AG",
    "Sagami Machine Tool Co.", "Zahnzentrum Seeland", "Frenos del Norte Trenes S.A.", "Gazelle Stadsfietsen N.V.",
    "Öresund Fartygsreparation AB", "Beskydy Robotika a.s.",
)  # fmt: skip
_REMARKS = (
    "zahlt schleppend, Mahnstufe 2", "price review before Easter", "Zweitquelle bei Hanamura angefragt",
    "不要提及第二供应商", "exclusive until end of 2027", "Reklamation Charge 4471 offen",
)  # fmt: skip
_GRADES = (
    ("N42SH", "Dy", 1.9),
    ("N38UH", "Dy", 3.4),
    ("N45H", "Dy", 0.9),
    ("SmCo 30", "Sm", 24.5),
    ("N35EH", "Tb", 1.2),
)
_DESTINATIONS = ("DE", "AT", "IT", "CH", "PL", "FR")
_CONTROL_CODES = {"Dy": "1C906", "Tb": "1C904", "Sm": "1C902"}


@dataclass(frozen=True, slots=True)
class SpecimenTable:
    """A table's bytes, the planted values no rendition may hold, and what a person answers about its columns."""

    data: bytes
    withheld: tuple[str, ...]
    answers: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class _Customer:
    name: str
    number: str
    country: str
    city: str
    street: str
    tax_id: str
    segment: str
    programme: str
    contact: str
    mail: str
    phone: str
    iban: str
    end_user: str


def customer_list(seed: int) -> SpecimenTable:
    """A German colleague's workbook; one column nobody can name."""
    chance = random.Random(f"customers/{seed}")  # noqa: S311 specimens are drawn to be the same again
    headers = (
        "Kd.-Nr.", "Kundenname / 客户名称", "Land", "Ort", "Straße und Hausnummer", "USt-IdNr.", "最终用户",
        "本许可最终用户", "Adresse des Endverwenders", "End-user country", "Anwendungsbereich", "Projekt", "Branche",
        "Tier",
        "Umsatzanteil (%)", "Jahresmenge [kg]", "Kunde seit", "Ansprechpartner", "E-Mail", "联系电话", "Kundenbetreuer",
        "IBAN", "Zahlungsziel", "Bemerkungen", "Kz. 7",
    )  # fmt: skip
    rows = []
    for place, customer in enumerate(_customers(seed)):
        licensed = place % 5 == 0
        rows.append(
            (
                customer.number, customer.name, customer.country, customer.city, customer.street, customer.tax_id,
                LICENSED_END_USER if licensed else customer.end_user, "ja" if licensed else "nein",
                LICENSED_ADDRESS if licensed else f"Werk {place + 2}, Tor {chance.randint(11, 89)}, {customer.city}",
                "DE" if licensed else customer.country, _APPLICATIONS[customer.segment], customer.programme,
                customer.segment, str(chance.randint(1, 3)), f"{chance.randint(3, 190) / 10:.1f}".replace(".", ","),
                f"{chance.randint(150, 48000) / 10:.1f}".replace(".", ","), str(chance.randint(1994, 2023)),
                customer.contact, customer.mail, customer.phone, chance.choice(_MANAGERS), customer.iban,
                f"{chance.choice((14, 30, 60))} Tage 2 % Skonto", chance.choice(_REMARKS),
                f"R{chance.randint(100, 999)}-{place:02d}",
            )
        )  # fmt: skip
    withheld = [
        value
        for customer in _customers(seed)
        for value in (customer.name, customer.contact, customer.mail, customer.phone, customer.iban, customer.tax_id)
    ]
    withheld += [row[6] for row in rows if row[7] == "nein"]
    return SpecimenTable(
        data=workbook.written("Kunden 2025 Rheintal", headers, rows),
        withheld=tuple(dict.fromkeys((*withheld, *_MANAGERS, *_REMARKS, *workbook.PLANTED))),
        answers={"column/25": "drop"},
    )


def order_book(seed: int) -> SpecimenTable:
    """120 order lines as an enterprise system exports them for its Chinese supplier's colleague."""
    chance = random.Random(f"orders/{seed}")  # noqa: S311 specimens are drawn to be the same again
    headers = (
        "订单号 / Order no.", "Pos.", "PO number", "Kunde", "Endkunde", "Artikelnummer", "Bezeichnung", "图号", "Güte",
        "管制编码", "HS code", "稀土元素", "稀土含量 (kg)", "Menge (kg)", "Stückzahl", "Einzelpreis (EUR)",
        "Total value",
        "Währung", "下单日期", "Liefertermin", "目的国", "Anwendungsbereich", "Programm", "Ansprechpartner", "E-Mail",
        "Status", "备注", "Interne Kostenstelle lt. ERP",
    )  # fmt: skip
    customers = _customers(seed)
    rows = [_order(chance, number, chance.choice(customers)) for number in range(120)]
    planted: list[Callable[[Sequence[str]], str]] = [
        lambda row: row[0],
        lambda row: row[2],
        lambda row: row[5],
        lambda row: row[7],
        lambda row: row[15],
        lambda row: row[16],
    ]
    withheld = [take(row) for row in rows[:12] for take in planted]
    return SpecimenTable(
        data=workbook.written("订单 2025", headers, rows),
        withheld=tuple(dict.fromkeys((*withheld, *(customer.programme for customer in customers)))),
        answers={"column/28": "drop"},
    )


def _order(chance: random.Random, number: int, customer: _Customer) -> tuple[str, ...]:
    grade, element, percent = chance.choice(_GRADES)
    weight = chance.randint(60, 9500) / 10
    price = chance.randint(11021, 98999) / 1000 + 4
    ordered = date(2025, 4, 7) + timedelta(days=chance.randint(0, 180))
    return (
        f"SO-2025{number + 41873:06d}", str(10 * (1 + number % 3)),
        f"PO-{chance.randint(100000, 999999)}-{customer.country}",
        customer.name, customer.end_user,
        f"RM-{chance.randint(20000, 89999)}-{grade[:3].strip()}{chance.randint(1, 9)}",
        f"Rotor segment {customer.programme}", f"Z-{chance.randint(100000, 999999)}-{chance.choice('ABCD')}", grade,
        _CONTROL_CODES[element], "85051190", element, f"{weight * percent / 100:.2f}", f"{weight:.1f}",
        str(round(weight * chance.randint(9, 60))), f"{price:.4f}", f"{price * weight:.2f}",
        "EUR", ordered.isoformat(), (ordered + timedelta(days=chance.randint(45, 120))).isoformat(),
        chance.choice(_DESTINATIONS), _APPLICATIONS[customer.segment], customer.programme, customer.contact,
        customer.mail, chance.choice(("offen", "teilgeliefert", "bestätigt")), chance.choice(_REMARKS),
        f"KST {chance.randint(41000, 47999)}/{chance.choice('abcdef')}{number:03d}",
    )  # fmt: skip


def _customers(seed: int) -> tuple[_Customer, ...]:
    chance = random.Random(f"people/{seed}")  # noqa: S311 specimens are drawn to be the same again
    made = []
    for place, (name, country, city, street, tax_id, segment) in enumerate(_CUSTOMERS):
        first, _, last = _PEOPLE[place].lower().partition(" ")
        made.append(
            _Customer(
                name=name,
                number=f"K-{chance.randint(100000, 999999)}",
                country=country,
                city=city,
                street=street,
                tax_id=tax_id,
                segment=segment,
                programme=_PROGRAMMES[place],
                contact=_PEOPLE[place],
                mail=f"{_ascii(first)}.{_ascii(last)}{chance.randint(2, 99)}@{_ascii(name.split()[0].lower())}.example",
                phone=f"+44 20 7946 0{chance.randint(100, 999)}",
                iban=iban(chance),
                end_user=_END_USERS[place],
            )
        )
    return tuple(made)


def iban(chance: random.Random) -> str:
    """A German account number with right check digits, of a bank that does not exist."""
    account = f"00000000{chance.randint(10**9, 10**10 - 1)}"
    check = 98 - int(f"{account}131400") % 97
    compact = f"DE{check:02d}{account}"
    return " ".join(compact[start : start + 4] for start in range(0, len(compact), 4))


def _ascii(text: str) -> str:
    folded = text.translate(str.maketrans("łøåöäüéáóčěšřžýíůñ", "loaoaueaocesrzyiun"))
    return "".join(character for character in folded if character.isascii() and character.isalnum())
