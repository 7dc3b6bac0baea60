"""Originals that look like a company's own, made in memory from a seed, with every planted secret listed.

Nobody in them exists: firms, people, numbers and places are invented; telephone numbers and mail domains are of the
ranges reserved for fiction and documentation.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from importlib.util import find_spec

from gateway.base.canon import Json
from gateway.cli.specimens import film, papers, photo, section, tables

_XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
_DOCX = "application/vnd.openxmlformats-officedocument.wordprocessingml.document"
_EXTRAS = {"schematic": ("drawing", "ezdxf"), "line_video": ("video", "av")}


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
    `left_out` says of each kind whose libraries are not installed that it is not here.
    """

    originals: Mapping[str, SpecimenFile]
    withheld_values: tuple[str, ...]
    answers: Mapping[str, Mapping[str, Json]]
    regions: tuple[tuple[str, tuple[int, int, int, int]], ...]
    left_out: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class _Made:
    file: SpecimenFile
    withheld: Sequence[str]
    answers: Mapping[str, Json]


@lru_cache(maxsize=2)
def specimens(seed: int = 1) -> Specimens:
    """Originals of every medium; the same bytes for the same seed."""
    picture = photo.production_photo(seed)
    made = [*_tables(seed), _photo(picture), *_papers(seed)]
    missing = [kind for kind, (_, library) in _EXTRAS.items() if find_spec(library) is None]
    if "schematic" not in missing:
        made.append(_schematic(seed))
    if "line_video" not in missing:
        made.append(_line_video(seed))
    return Specimens(
        originals={one.file.kind: one.file for one in made},
        withheld_values=tuple(dict.fromkeys(value for one in made for value in one.withheld)),
        answers={one.file.kind: one.answers for one in made},
        regions=picture.regions,
        left_out=tuple(
            f"There is no {kind.replace('_', ' ')}: the extra `{_EXTRAS[kind][0]}` is not installed."
            for kind in missing
        ),
    )


def _tables(seed: int) -> list[_Made]:
    customers, orders = tables.customer_list(seed), tables.order_book(seed)
    names = {
        "customer_list": "Kunden_Rheintal_Volta-X9_streng-vertraulich.xlsx",
        "order_book": "Auftragsbuch_Q1-Q4_Projekt-Nordlicht.xlsx",
    }
    return [
        _Made(
            SpecimenFile(kind, names[kind], _XLSX, table.data),
            table.withheld,
            _answers(columns=dict(table.answers), confirmed=False),
        )
        for kind, table in (("customer_list", customers), ("order_book", orders))
    ]


def _photo(picture: photo.SpecimenPhoto) -> _Made:
    file = SpecimenFile("production_photo", "Halle3_Linie2_Schicht-Brandl.jpg", "image/jpeg", picture.data)
    regions: list[Json] = [{"class": name, "box": list(box)} for name, box in picture.regions]
    return _Made(file, picture.withheld, _answers(regions=regions))


def _papers(seed: int) -> list[_Made]:
    contract, thread, details = papers.contract(seed), papers.correspondence(seed), papers.technical_details(seed)
    return [
        _Made(
            SpecimenFile("contract", "Rahmenvertrag_Hallbach_unterzeichnet.docx", _DOCX, contract.data),
            contract.withheld,
            _answers(terms=list(contract.terms)),
        ),
        _Made(
            SpecimenFile("correspondence", "Re_Lieferverzug-Hallbach_Los2.eml", "message/rfc822", thread.data),
            thread.withheld,
            _answers(terms=list(thread.terms)),
        ),
        _Made(
            SpecimenFile("technical_details", "Datenblatt_Falcon-J6_intern.json", "application/json", details.data),
            details.withheld,
            _answers(confirmed=False),
        ),
    ]


def _schematic(seed: int) -> _Made:
    drawn = section.schematic(seed)
    file = SpecimenFile("schematic", "Motor-SV2_Schnitt_Falcon-J6.dxf", "image/vnd.dxf", drawn.data)
    return _Made(file, drawn.withheld, _answers())


def _line_video(seed: int) -> _Made:
    filmed = film.line_video(seed)
    file = SpecimenFile("line_video", "Linie2_Magnetisierung_Schicht-Brandl.mp4", "video/mp4", filmed.data)
    return _Made(file, filmed.withheld, _answers(regions=list(filmed.regions)))


def _answers(
    *,
    columns: Mapping[str, Json] | None = None,
    regions: list[Json] | None = None,
    terms: list[Json] | None = None,
    confirmed: bool = True,
) -> dict[str, Json]:
    told: dict[str, Json] = {"v": 1, "columns": dict(columns or {}), "regions": regions or [], "confirmed": confirmed}
    return {**told, "terms": terms} if terms else told
