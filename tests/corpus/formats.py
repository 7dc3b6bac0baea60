"""The corpus: every format that is taken, and the function that makes a file of it with all its hiding places.

A new format is one function here, from `Hiding` to `Specimen`; every test of the corpus then holds for it.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from gateway.formats.write_text import JSON, TEXT, XML
from gateway.sandbox.ports import Sandbox
from tests.corpus import texts
from tests.corpus.documents import DOCUMENTS
from tests.corpus.drawings import DRAWINGS
from tests.corpus.pictures import PICTURES
from tests.corpus.places import Hiding, Maker, Specimen
from tests.corpus.retyped import MAIL, WORD
from tests.corpus.tables import TABLES
from tests.corpus.videos import VIDEOS

# The policy under which files of a kind are rendered.
POLICIES = {
    "contract": "cn-mofcom-single.contract",
    "correspondence": "cn-mofcom-single.correspondence",
    "customer_list": "cn-mofcom-single.customer-list",
    "line_video": "cn-mofcom-single.line-video",
    "production_photo": "cn-mofcom-single.production-photo",
    "schematic": "cn-mofcom-single.schematic",
    "technical_details": "cn-mofcom-single.technical-details",
}
_PLAIN: dict[str, Maker] = {**TABLES, **PICTURES, **DOCUMENTS, **MAIL, **DRAWINGS, **VIDEOS}
# These ask the sandbox first which paths there are, or where their words stand, so that they can be answered.
_PARSED: dict[str, Callable[[Sandbox, Hiding], Specimen]] = {
    "json": partial(texts.specimen, JSON, "json"),
    "xml": partial(texts.specimen, XML, "xml"),
    "txt": partial(texts.specimen, TEXT, "txt"),
    **WORD,
}
LABELS = (*_PLAIN, *_PARSED)


def planted(label: str, seed: int, sandbox: Sandbox, only: str | None = None) -> Specimen:
    """The file of this format with fresh secrets in all of its hiding places, or with one secret alone."""
    hide = Hiding(seed, label, only)
    return _PLAIN[label](hide) if label in _PLAIN else _PARSED[label](sandbox, hide)
