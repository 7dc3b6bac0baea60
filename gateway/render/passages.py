"""What a document may not say: its withheld passages and each of their words, save what it lawfully says elsewhere."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from gateway.residue.fold import fold_many
from gateway.residue.model import WithheldValue

_PASSAGES = ("text/", "annotation/", "form_field/", "metadata/hidden:")


def passages(values: Sequence[WithheldValue], shown: Iterable[str]) -> tuple[WithheldValue, ...]:
    """`values` with the single words of those that stand on pages; without what is part of a passage that is shown.

    A word of a withheld line that the lines shown in full hold as well is no secret of that line. `shown` comes in the
    order in which it is read.
    """
    every = [*values, *_words(values)]
    lawful = "".join(fold_many([*shown]))
    folded = fold_many([value.text for value in every])
    return tuple(value for value, plain in zip(every, folded, strict=True) if plain and plain not in lawful)


def _words(values: Iterable[WithheldValue]) -> Iterable[WithheldValue]:
    found: dict[str, WithheldValue] = {}
    for value in values:
        if value.place.startswith(_PASSAGES):
            for word in value.text.split():
                found.setdefault(word, WithheldValue(word, value.place))
    return found.values()
