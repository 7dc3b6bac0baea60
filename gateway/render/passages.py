"""What a document may not say: its withheld passages and each of their words, save what is lawfully said elsewhere."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from gateway.residue.fold import fold_many
from gateway.residue.model import WithheldValue

_PASSAGES = ("text/", "annotation/", "form_field/", "metadata/hidden:")


def passages(
    values: Sequence[WithheldValue], shown: Iterable[str], constants: Iterable[str]
) -> tuple[WithheldValue, ...]:
    """`values` with the single words of those that stand on pages; without what is part of what is said anyway.

    A word of a withheld line is no secret of that line where a line that is shown in full holds it as well, or a
    sentence of the policy. `shown` comes in the order in which it is read, because a passage may run on.
    """
    every = [*values, *_words(values)]
    lawful = "\n".join(["".join(fold_many([*shown])), *fold_many(sorted(constants))])
    folded = fold_many([value.text for value in every])
    return tuple(value for value, plain in zip(every, folded, strict=True) if plain and plain not in lawful)


def _words(values: Iterable[WithheldValue]) -> Iterable[WithheldValue]:
    found: dict[str, WithheldValue] = {}
    for value in values:
        if value.place.startswith(_PASSAGES):
            for word in value.text.split():
                found.setdefault(word, WithheldValue(word, value.place))
    return found.values()
