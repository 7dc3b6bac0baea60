"""Where secrets hide: every place has a name, and its secret is another one in every run."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from tests.support.originals import Planted

_CONSONANTS, _VOWELS = "bcdfghjklmnpqrstvwxz", "aeiou"


@dataclass
class Hiding:
    """Gives each place its secret, and writes down which places there are.

    With `only`, every other place gets a word that is nobody's secret, so that a file holds exactly one.
    """

    seed: int
    label: str
    only: str | None = None
    secrets: dict[str, str] = field(default_factory=dict)

    def __call__(self, place: str) -> str:
        """Fourteen letters that stand nowhere else."""
        return self.as_(place, self._word(place))

    def as_(self, place: str, secret: str, harmless: str = "Nichtssagend") -> str:
        """`secret` in a form that the place asks for: a number, an address, a name in other letters."""
        if self.only not in {None, place}:
            return harmless
        self.secrets[place] = secret
        return secret

    def number(self, place: str, digits: int = 9) -> str:
        """So many digits, the first of them not zero."""
        drawn = int.from_bytes(self._drawn(place)) % (9 * 10 ** (digits - 1))
        return self.as_(place, str(10 ** (digits - 1) + drawn), "1")

    def chinese(self, place: str) -> str:
        """Eight ideographs."""
        drawn = self._drawn(place)
        signs = (chr(0x4E00 + int.from_bytes(drawn[at : at + 2]) % 0x4000) for at in range(0, 16, 2))
        return self.as_(place, "".join(signs), "空白")

    def _word(self, place: str) -> str:
        drawn = self._drawn(place)
        syllables = (_CONSONANTS[drawn[at] % 20] + _VOWELS[drawn[at + 1] % 5] for at in range(0, 14, 2))
        return "".join(syllables).capitalize()

    def _drawn(self, place: str) -> bytes:
        return hashlib.sha256(f"{self.seed}/{self.label}/{place}".encode()).digest()


@dataclass(frozen=True)
class Specimen:
    """One file of the corpus: the original with its answers, its secrets by place, and what has to be shown of it.

    `pixels` says that its boxes are full of two colours that are found nowhere else, and that words are drawn in them;
    `output` is what the policy's own says otherwise of the form in which it leaves.
    """

    original: Planted
    secrets: Mapping[str, str]
    shown: str | None = None
    pixels: bool = False
    output: Mapping[str, str] = field(default_factory=dict)

    @property
    def label(self) -> str:
        """The format."""
        return self.original.label


Maker = Callable[[Hiding], Specimen]
