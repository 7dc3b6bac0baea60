"""What a document may not say: its withheld passages and each of their words, save what is lawfully said elsewhere."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from gateway.residue.fold import fold_many
from gateway.residue.model import WithheldValue

_PASSAGES = ("text/", "annotation/", "form_field/", "metadata/hidden:")
_WORDS_OF_A_FILE = ("text/", "annotation/", "form_field/", "metadata/", "layer/", "block/")


def passages(
    values: Sequence[WithheldValue], shown: Iterable[str], constants: Iterable[str]
) -> tuple[WithheldValue, ...]:
    """`values` with the single words of those that stand on pages; without what is part of what is said anyway.

    A word of a withheld line is no secret of that line where a line that is shown in full holds it as well, or a
    sentence of the policy. `shown` comes in the order in which it is read, because a passage may run on.
    """
    lawful = "\n".join(["".join(fold_many([*shown])), *fold_many(sorted(constants))])
    return tuple(_not_in(lawful, [*values, *_words(values)]))


def unsaid(values: Sequence[WithheldValue], sentences: Iterable[str]) -> tuple[WithheldValue, ...]:
    """`values` without those words of a document, a drawing or a file's metadata that are part of these sentences."""
    words = [value for value in values if value.place.startswith(_WORDS_OF_A_FILE)]
    kept = {*_not_in("\n".join(fold_many(sorted(sentences))), words)}
    return tuple(value for value in values if value in kept or not value.place.startswith(_WORDS_OF_A_FILE))


def _not_in(lawful: str, values: Sequence[WithheldValue]) -> Iterator[WithheldValue]:
    folded = fold_many([value.text for value in values])
    return (value for value, plain in zip(values, folded, strict=True) if plain and plain not in lawful)


def _words(values: Iterable[WithheldValue]) -> Iterable[WithheldValue]:
    found: dict[str, WithheldValue] = {}
    for value in values:
        if value.place.startswith(_PASSAGES):
            for word in value.text.split():
                found.setdefault(word, WithheldValue(word, value.place))
    return found.values()
