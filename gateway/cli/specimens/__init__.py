"""Originals that look like a company's own, made in memory from a seed, with every planted secret listed.

Nobody in them exists: firms, people, numbers and places are invented; telephone numbers and mail domains are of the
ranges reserved for fiction and documentation.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from gateway.base.canon import Json
from gateway.cli.specimens import photo, tables

_XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"


@dataclass(frozen=True, slots=True)
class SpecimenFile:
    """One original: what it is, the telling name its owner gave it, and its bytes."""

    kind: str
    file_name: str
    media_type: str
    data: bytes


@dataclass(frozen=True, slots=True)
class Specimens:
    """Originals by kind; the texts that no rendition may hold; the answers a person would give, by kind.

    `regions` are the rectangles a reviewer would draw on the photo: class, then left, top, width, height in pixels.
    """

    originals: Mapping[str, SpecimenFile]
    withheld_values: tuple[str, ...]
    answers: Mapping[str, Mapping[str, Json]]
    regions: tuple[tuple[str, tuple[int, int, int, int]], ...]


def specimens(seed: int = 1) -> Specimens:
    """Customer list, order book and production photo; the same bytes for the same seed."""
    customers = tables.customer_list(seed)
    orders = tables.order_book(seed)
    picture = photo.production_photo(seed)
    regions = picture.regions
    return Specimens(
        originals={
            "customer_list": SpecimenFile(
                "customer_list", "Kunden_Rheintal_Volta-X9_streng-vertraulich.xlsx", _XLSX, customers.data
            ),
            "order_book": SpecimenFile("order_book", "Auftragsbuch_Q1-Q4_Projekt-Nordlicht.xlsx", _XLSX, orders.data),
            "production_photo": SpecimenFile(
                "production_photo", "Halle3_Linie2_Schicht-Brandl.jpg", "image/jpeg", picture.data
            ),
        },
        withheld_values=(*customers.withheld, *orders.withheld, *picture.withheld),
        answers={
            "customer_list": {"v": 1, "columns": dict(customers.answers), "regions": [], "confirmed": False},
            "order_book": {"v": 1, "columns": dict(orders.answers), "regions": [], "confirmed": False},
            "production_photo": {
                "v": 1,
                "columns": {},
                "regions": [{"class": name, "box": list(box)} for name, box in regions],
                "confirmed": True,
            },
        },
        regions=regions,
    )
