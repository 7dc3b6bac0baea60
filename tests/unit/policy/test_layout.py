"""One layout, and never another meaning."""

from __future__ import annotations

import random
import re
from pathlib import Path

import pytest

from gateway.policy.layout import formatted
from gateway.policy.load import packs_dir
from gateway.policy.problems import PolicyInvalid
from gateway.policy.strict_yaml import parse_document

MESSY = """\


# about all of it
apiVersion:   disclosure/v1   \r
metadata:
    id: a.b # short
    # about the title
    title: { en: "One, two",zh:  '二' }


    list: [ a,b ,  c ]
rules:
-   id: x
    select: {fields: [ a ],
             where: {b: ["yes"]}}
    text: one
      and two
    more: |
       kept{spaces}

         as it is
    # at the end of the rule
-   id: y
    nested:
    - - deep
      - deeper
""".replace("{spaces}", "   ")
# Text over several lines is left as its author wrote it.
AS_WRITTEN = ("kept", "as it is", "text:", "more:")
TIDY = """\
# about all of it
apiVersion: disclosure/v1
metadata:
  id: a.b  # short
  # about the title
  title: {en: "One, two", zh: '二'}

  list: [a, b, c]
rules:
  - id: x
"""


def _meaning(text: str) -> object:
    return parse_document(text.encode(), file="f").root


def test_it_is_laid_out_and_says_the_same() -> None:
    done = formatted(MESSY, file="f")
    assert done.startswith(TIDY)
    assert _meaning(done) == _meaning(MESSY)
    assert formatted(done, file="f") == done
    assert re.findall("#.*", done) == re.findall("#.*", MESSY)


@pytest.mark.parametrize("path", sorted(packs_dir().rglob("*.yaml")), ids=lambda path: path.name)
def test_the_packs_are_laid_out(path: Path) -> None:
    text = path.read_text("utf-8")
    assert formatted(text, file=path.name) == text


def test_disordered_space_comes_out_the_same_or_is_refused() -> None:
    """Space put where YAML lets it stand: the layout is found again."""
    rng = random.Random(5)
    tidy = formatted(MESSY, file="f")
    for _ in range(20):
        lines = []
        for line in tidy.split("\n"):
            lines.append(
                line + rng.choice(("", "", "  ")) if line and not any(word in line for word in AS_WRITTEN) else line
            )
            if rng.random() < 0.1 and line.startswith("  - id"):
                lines[-1:] = ["", "", lines[-1]]
        messy = "\n".join(lines).replace("[a, b, c]", rng.choice(("[a,b,c]", "[ a , b, c ]", "[a, b, c ]")))
        assert formatted(messy, file="f").replace("\n\n", "\n") == tidy.replace("\n\n", "\n")


@pytest.mark.parametrize("text", ["a: &x 1\n", "a: 1\na: 2\n", "a: [1\n", "", "- a\n", "a: !t 1\n"])
def test_what_is_not_sound_is_not_laid_out(text: str) -> None:
    with pytest.raises(PolicyInvalid, match="f"):
        formatted(text, file="f")
