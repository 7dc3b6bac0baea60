"""What a detector suggests about a picture or a page: what it is called, and that a person confirmed just that."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Mapping, Sequence
from types import MappingProxyType

from gateway.base.canon import Json, canonical
from gateway.formats.model import Field, Source
from gateway.policy.answers import Answers, Region
from gateway.policy.decisions import Ask
from gateway.policy.words import Text

# What a detector finds, under the names that policies give it; a kind may have a title of its own for each.
DETECTED: Mapping[str, Text] = MappingProxyType(
    {
        "text": Text(en="Writing in the picture", zh="画面中的文字"),
        "face": Text(en="Face", zh="人脸"),
        "code": Text(en="Printed code", zh="印刷码"),
    }
)
_WORDS = {
    "text": ("line of text", "lines of text"),
    "face": ("face", "faces"),
    "code": ("printed code", "printed codes"),
}


def suggested(fields: Sequence[Field]) -> tuple[Region, ...]:
    """The regions among these fields that a detector found."""
    found = (field for field in fields if field.source is Source.DETECTOR)
    return tuple(
        Region(field.name or "", field.box, field.page, field.path) for field in found if field.box is not None
    )


def seal(detector: str, regions: Sequence[Region]) -> str:
    """A short name for just these regions, found by this version of the detector: who confirms them repeats it."""
    told: Json = {"detector": detector, "regions": [region.to_json() for region in regions]}
    return hashlib.sha256(canonical(told)).hexdigest()[:32]


def confirming(what: str, detector: str, fields: Sequence[Field], answers: Answers) -> list[Ask]:
    """The question whether the regions that a detector found are right; none where they were confirmed, or none found.

    `what` is the original as a whole, `picture`, `document` or `video`.
    """
    regions = suggested(fields)
    name = seal(detector, regions)
    if not regions or answers.suggested == name:
        return []
    counts = Counter(region.name for region in regions)
    listed = ", ".join(f"{counts[one]} {words[counts[one] != 1]}" for one, words in _WORDS.items() if counts[one])
    question = (
        f"A detector found {listed}; they are covered unless the policy allows them. Look for what it missed and draw "
        f"that, then confirm by answering with suggested: {name}."
    )
    return [Ask(what, question, suggested=name, regions=regions)]
