"""More than a thousand names of people, of many widths."""

from __future__ import annotations

import itertools

FIRST = (
    "Al", "Bo", "Eva", "Ida", "Jil", "Anna", "Emil", "Otto", "Karla", "Mirko", "Wanda", "Gustav", "Ottilie", "Wilhelm",
    "Friederike", "Maximilian", "Christoph", "Annegret", "Bartholomäus", "Wilhelmine-Charlotte",
)  # fmt: skip
LAST = (
    "i", "Wu", "Li", "Ott", "Ihl", "Wimm", "Zhang", "Illig", "Weber", "Müller", "Kowalski", "Schimanski", "Wohlgemuth",
    "Illingworth", "Abdulrahman", "Katzenellenbogen", "Wewelsburg-Mommsen", "Ó Súilleabháin", "von der Wiesenthal",
    "Lin", "Ma", "Tillich", "Mommsen", "Jill", "Fitz", "Wagner", "Millim", "Kim", "Park", "Nguyen", "Oyelaran", "Ivo",
    "Immelmann", "Willi", "Mayr", "Brandl", "Iliescu", "Ricci", "Da Silva", "McMillan", "O'Neil", "Petit", "Roy",
    "Szabo", "Novak", "Ilic", "Berg", "Stein", "Milic", "Winter", "Sommer", "Lang",
)  # fmt: skip
NAMES = [name for first, last in itertools.product(FIRST, LAST) if 3 <= len(name := f"{first} {last}") <= 40]
