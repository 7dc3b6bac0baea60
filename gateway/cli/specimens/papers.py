"""A supply contract in Word, an e-mail about a late delivery, and a data sheet: the paperwork of one order."""

from __future__ import annotations

import json
import random
from dataclasses import dataclass
from email.message import EmailMessage
from email.policy import SMTP

from gateway.base.canon import Json
from gateway.cli.specimens import word
from gateway.cli.specimens.tables import LICENSED_ADDRESS, LICENSED_END_USER, iban

_SIGNED_BY_US, _SIGNED_BY_THEM = "Sabine Oberhauser", "Gernot Eichhalder"
_BUYER, _SELLER = "Friederike Lauterwald", "Philipp Nägele"
_SECOND_SOURCE = "Hanamura Magnetics"
_PROGRAMME = "Falcon Joint J6"


@dataclass(frozen=True, slots=True)
class SpecimenPaper:
    """A paper's bytes, the planted texts no rendition may hold, and the words that a reviewer names as withheld."""

    data: bytes
    withheld: tuple[str, ...]
    terms: tuple[str, ...] = ()


def contract(seed: int) -> SpecimenPaper:
    """A framework contract with numbered clauses, a table of prices and two signatures."""
    chance = random.Random(f"contract/{seed}")  # noqa: S311 specimens are drawn to be the same again
    number = f"RV-2026-{chance.randint(100, 999)}"
    prices = [f"EUR {chance.randint(18, 64)},{chance.randint(10, 99)}" for _ in range(3)]
    account = iban(chance)
    footer, comment = f"{number} Fassung 3 intern, Kalkulation Nägele", "Rabattstaffel nur bis Ostern halten"
    unseen, author = f"Zweitquelle {_SECOND_SOURCE} bei 81 Prozent", "Philipp Nägele-Ostertag"
    goods = [("No.", "Goods", "Grade", "Quantity a year", "Unit price")]
    for at, (good, grade, count) in enumerate(_GOODS):
        goods.append((str(at + 1), good, grade, count, prices[at]))
    blocks = [
        word.title("Framework Supply Agreement / 框架供货协议"),
        word.body(
            f"between Rheintal Motion GmbH, Industriestraße 22, 88131 Lindau (“Seller”), and {LICENSED_END_USER}, "
            f"{LICENSED_ADDRESS} (“Buyer”), concluded on 12 January 2026.",
            hidden=unseen,
        ),
        word.heading("Subject matter"),
        word.clause(
            "The Seller supplies rotor assemblies with permanent magnets of the NdFeB grades listed in § 2. The "
            "magnets are made in the People’s Republic of China and leave it under a single licence for dual-use items."
        ),
        word.clause(f"The Buyer builds the assemblies into servo motors of its programme {_PROGRAMME}."),
        word.heading("Goods and quantities"),
        word.clause("Subject matter of each single order are the following goods:"),
        word.table(goods, (1000, 3300, 1400, 1700, 1670)),
        word.clause("Quantities are estimates for one calendar year. Call-offs are binding eight weeks ahead."),
        word.heading("Prices and payment"),
        word.clause("The prices in § 2 are net, DAP Schwieberdingen, packaging included."),
        word.clause("Payment terms: 30 days net, 2 % discount within 10 days."),
        word.clause(f"Payment is made to the account {account}."),
        word.heading("End use"),
        word.clause(
            "The Buyer uses the goods exclusively in servo motors for civil industrial robots and packaging machines "
            "at its plant in Schwieberdingen."
        ),
        word.clause(
            "The goods are not used for weapons of mass destruction, their means of delivery or any other military "
            "purpose, and are not passed on to third parties without the consent of the competent authority."
        ),
        word.clause(
            "买方承诺：上述货物仅用于民用工业机器人及包装机械的伺服电机，不用于任何军事用途，亦不转让给第三方。"
        ),
        word.heading("Delivery"),
        word.clause(f"Calls and notices on delivery go to {_SELLER}, naegele@rheintal-motion.example."),
        word.clause("The Seller informs the Buyer without delay if a licence is refused, delayed or withdrawn."),
        word.heading("Confidentiality"),
        word.clause("Each party keeps drawings, process data and the other’s customers secret for ten years."),
        word.clause("Disclosure to an authority is limited to what the law asks for, after notice to the other party."),
        word.heading("Final provisions"),
        word.clause("German law applies; the place of jurisdiction is Stuttgart."),
        word.clause("Changes need written form. If a clause is void the others stay in force."),
        word.body("Schwieberdingen and Lindau, 12 January 2026", note=True),
        word.table(
            [
                ("For the Seller", "For the Buyer"),
                (_SIGNED_BY_US, _SIGNED_BY_THEM),
                ("Managing Director", "Head of Purchasing"),
            ],
            (4535, 4535),
            ruled=False,
        ),
    ]
    data = word.written(
        blocks, header="Rheintal Motion GmbH · vertraulich", footer=footer, comment=comment, author=author
    )
    terms = (_SIGNED_BY_US, _SIGNED_BY_THEM, "Nägele", _PROGRAMME)
    withheld = (*prices, account, footer, comment, unseen, author, *terms, "naegele@rheintal-motion.example")
    return SpecimenPaper(data, withheld, terms)


def correspondence(seed: int) -> SpecimenPaper:
    """A thread of three messages about a delivery that is late."""
    chance = random.Random(f"correspondence/{seed}")  # noqa: S311 specimens are drawn to be the same again
    order = f"SO-2025{chance.randint(41873, 41999):06d}"
    penalty = f"EUR {chance.randint(11, 48)},{chance.randint(100, 999)}.00"
    phone = f"+44 20 7946 0{chance.randint(100, 999)}"
    blind = "aufsichtsrat@rheintal-motion.example"
    message = EmailMessage(policy=SMTP.clone(cte_type="8bit", utf8=True))
    message["From"] = "lauterwald@hallbach-servo.example"
    message["To"] = "naegele@rheintal-motion.example"
    message["Cc"] = "einkauf@hallbach-servo.example"
    message["Bcc"] = blind
    message["Date"] = "Tue, 24 Feb 2026 09:12:44 +0100"
    message["Subject"] = f"Re: Late delivery of rotor assemblies, order {order}"
    message["Message-ID"] = f"<{chance.randint(10**9, 10**10)}@hallbach-servo.example>"
    message["X-Originating-IP"] = "192.0.2.117"
    message.set_content(_THREAD.format(order=order, penalty=penalty, phone=phone), cte="8bit")
    thread = "".join(f"<p>{line}</p>" for line in ("Interner Vermerk im HTML-Teil", _SECOND_SOURCE))
    message.add_alternative(f"<html><body>{thread}</body></html>", subtype="html", cte="8bit")
    message.set_boundary("=_hallbach_20260224")
    terms = (order, "Lauterwald", "Nägele", "Hanamura", "Brandlhuber")
    withheld = (
        *terms, _BUYER, _SELLER, penalty, phone, blind, "192.0.2.117", "Interner Vermerk im HTML-Teil",
        "lauterwald@hallbach-servo.example", "naegele@rheintal-motion.example",
    )  # fmt: skip
    return SpecimenPaper(message.as_bytes(), withheld, terms)


def technical_details(seed: int) -> SpecimenPaper:
    """What a product data system exports of three rotors, with more about them than anybody asked."""
    chance = random.Random(f"technical/{seed}")  # noqa: S311 specimens are drawn to be the same again
    rotors: list[Json] = []
    withheld: list[str] = []
    for name, grade, element, use in _ROTORS:
        part, drawing = f"RM-{chance.randint(20000, 89999)}-N4", f"Z-{chance.randint(100000, 999999)}-C"
        recipe = f"Aushärten {chance.randint(120, 160)} °C, Klebespalt 0,{chance.randint(70, 95):03d} mm"
        withheld += [part, drawing, recipe]
        rotors.append(
            {
                "Produktname": name,
                "Güte": grade,
                "HS-Code": "85051190",
                "Seltene Erde": element,
                "Seltenerdgehalt (%)": f"{chance.randint(9, 42) / 10:.1f}",
                "Anwendung": use,
                "Projekt": _PROGRAMME,
                "Nennmoment": f"{chance.randint(21, 940) / 10:.1f}",
                "Betriebstemperatur": str(chance.randint(121, 179)),
                "Gewicht (g)": str(chance.randint(112, 988)),
                "Prüfdatum": f"2026-01-{chance.randint(10, 28)}",
                "Teilenummer": part,
                "Zeichnungsnummer": drawing,
                "Fertigung": recipe,
                "Lieferant": _SECOND_SOURCE,
                "Bearbeiter": "Korbinian Brandlhuber",
                "Kosten": f"{chance.randint(1100, 6400) / 100:.2f}",
            }
        )
    told = {"Datenblatt": {"Rotoren": rotors}}
    data = (json.dumps(told, ensure_ascii=False, indent=2) + "\n").encode("utf-8")
    return SpecimenPaper(data, (*withheld, _SECOND_SOURCE, "Korbinian Brandlhuber", _PROGRAMME))


_GOODS = (
    ("Rotor assembly SV2-40", "N42SH", "12,000"),
    ("Rotor assembly SV2-63", "N38UH", "4,800"),
    ("Magnet segment, spare", "N42SH", "2,500"),
)
_ROTORS = (
    ("Rotor SV2-40", "N42SH", "Dy", "Industrieroboter"),
    ("Rotor SV2-63", "N38UH", "Dy", "Verpackungsmaschinen"),
    ("Rotor SV2-90", "N35EH", "Tb", "Werkzeugmaschinen"),
)
_THREAD = """Dear Mr Nägele,

thank you for your message. We have to object: the second lot of order
{order} was due on 9 February and has not arrived. From Thursday on
the assembly of servo motors for civil packaging machines at our plant
in Schwieberdingen will stand still.

1. Please confirm by Friday when the licence for the magnets was applied
for, and under which number.

2. Please deliver the 640 finished rotors that need no further licence.

3. Under § 5 we claim a penalty of {penalty} for the second week.

If Hanamura can step in we expect an offer at the same price.

End use is unchanged: servo motors for packaging machines, no military
use, no re-export.

Kind regards
Friederike Lauterwald
Purchasing, Hallbach Servoantriebe GmbH
Phone {phone}

On Monday, 23 February 2026, Philipp Nägele wrote:
> Dear Ms Lauterwald,
>
> the magnets for lot 2 are finished at the supplier in Ningbo and wait
> for the export licence. The authority has asked for the contract and
> the end-use statement again; both leave this week.
> Korbinian Brandlhuber keeps line 2 free for you from 2 March.
>
> On Thursday, 19 February 2026, Friederike Lauterwald wrote:
>> Where is lot 2? The carrier knows nothing of it.
"""
