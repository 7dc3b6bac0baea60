"""What a signatory's own law forbids, or may forbid, them to declare: rules over the words of outgoing statements.

A rule brings lists of phrases together in one sentence; its effects say for whose law it is a stop and for whose a
warning. Rules are data (`policies/statements/*.yaml`) with tests beside them, as policies are.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Literal, Self

from pydantic import Field as Key
from pydantic import StringConstraints, model_validator

from gateway.base.canon import Json
from gateway.policy.phrases import Finder, Hit, Phrases, Token, sentences, together, tokens_of, words_of
from gateway.policy.words import Day, Line, PolicyId, Strict, Text, Version, Whole, Word

ANYBODY = "*"
Severity = Literal["stop", "warn"]
Signatory = Annotated[str, StringConstraints(pattern=r"^([A-Z]{2}|\*)$")]
Group = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]{0,39}$")]
Phrase = Annotated[str, StringConstraints(min_length=1, max_length=80)]
_WORDS_MAX = 8


class Lists(Strict):
    """Phrases by language."""

    en: tuple[Phrase, ...] = Key(default=(), max_length=300)
    de: tuple[Phrase, ...] = Key(default=(), max_length=300)
    zh: tuple[Phrase, ...] = Key(default=(), max_length=300)

    @property
    def all(self) -> tuple[str, ...]:
        """All of them: a statement may be in several languages at once."""
        return (*self.en, *self.de, *self.zh)

    @model_validator(mode="after")
    def _words(self) -> Self:
        wrong = [phrase for phrase in self.all if not 0 < len(words_of(phrase)) <= _WORDS_MAX]
        if wrong:
            raise ValueError(f"`{wrong[0]}` is not a phrase of one to {_WORDS_MAX} words; rewrite it")
        return self


class WordGroup(Lists):
    """Phrases that mean the same; what stands inside one of `apart` is not meant."""

    apart: Lists = Lists()

    @model_validator(mode="after")
    def _some(self) -> Self:
        if not self.all:
            raise ValueError("a group of words is empty; write some")
        return self


class Instead(Strict):
    """What may be written instead, in the language of the statement."""

    en: Line
    de: Line | None = None
    zh: Line


class Effect(Strict):
    """What a rule is for signatories under these laws; `*` are all that no other effect of the rule names."""

    signatories: tuple[Signatory, ...] = Key(min_length=1, max_length=60)
    severity: Severity
    basis: Line
    instead: Instead


class StatementRule(Strict):
    """One sort of statement: what stands together in a sentence, `within` so many words, and what that is for whom."""

    id: Word
    title: Text
    finds: tuple[Group, ...] = Key(min_length=2, max_length=5)
    within: Whole = Key(default=40, ge=2, le=120)
    effects: tuple[Effect, ...] = Key(min_length=1, max_length=20)

    @model_validator(mode="after")
    def _once(self) -> Self:
        named = [one for effect in self.effects for one in effect.signatories]
        if len(named) != len(set(named)):
            raise ValueError("a signatory stands in two effects of one rule; keep one")
        return self

    def effect(self, signatory: str) -> Effect | None:
        """The effect for a signatory under this law."""
        by_law = {one: effect for effect in self.effects for one in effect.signatories}
        return by_law.get(signatory, by_law.get(ANYBODY))


class StatementHead(Strict):
    """Who wrote which version, and since when it is right."""

    id: PolicyId
    version: Version
    title: Text
    owner: Word
    checked: Day


class StatementFile(Strict):
    """One file of rules over statements."""

    api_version: Literal["disclosure/v1"] = Key(alias="apiVersion")
    kind: Literal["StatementRules"]
    metadata: StatementHead
    words: dict[Group, WordGroup] = Key(min_length=1, max_length=60)
    rules: tuple[StatementRule, ...] = Key(min_length=1, max_length=100)

    @model_validator(mode="after")
    def _known(self) -> Self:
        unknown = sorted({group for rule in self.rules for group in rule.finds} - set(self.words))
        if unknown:
            raise ValueError(f"a rule finds `{unknown[0]}`, which is not under `words`; write it there")
        if len({rule.id for rule in self.rules}) != len(self.rules):
            raise ValueError("a rule's id stands twice; rename one")
        return self

    @property
    def ref(self) -> str:
        """`id@version`."""
        return f"{self.metadata.id}@{self.metadata.version}"


@dataclass(frozen=True, slots=True)
class Said:
    """That a text says what a rule is about, and on which page."""

    rule: StatementRule
    page: int

    def effects(self, signatories: Iterable[str]) -> Iterator[tuple[str, Effect]]:
        """What that is for each signatory."""
        for signatory in signatories:
            if effect := self.rule.effect(signatory):
                yield signatory, effect

    def to_json(self) -> Json:
        """Canonical."""
        return [self.rule.id, self.page]


def said(files: Iterable[StatementFile], orders: Iterable[Sequence[tuple[int, str]]]) -> tuple[Said, ...]:
    """What the text says, each rule once for each page. `orders` are the orders in which its lines may be read."""
    # Most lines, and most sentences, are the same in every order.
    parts = {tuple(part): None for order in orders for part in sentences(tokens_of(order))}
    vocabulary = {token.text for part in parts for token in part}
    found: dict[tuple[str, int], Said] = {}
    for file in files:
        groups = {name: Phrases(group.all, group.apart.all) for name, group in file.words.items()}
        finders = {name: Finder(phrases, vocabulary) for name, phrases in groups.items()}
        for part in parts:
            for rule, page in _found(file.rules, finders, part):
                found.setdefault((rule.id, page), Said(rule, page))
    return tuple(found[key] for key in sorted(found))


def _found(
    rules: Iterable[StatementRule], finders: Mapping[str, Finder], part: Sequence[Token]
) -> Iterator[tuple[StatementRule, int]]:
    """The rules that speak of one sentence. What is rarest stands last in `finds` and is looked for first."""
    hits: dict[str, list[Hit]] = {}
    for rule in rules:
        for name in reversed(rule.finds):
            if name not in hits:
                hits[name] = finders[name].hits(part)
            if not hits[name]:
                break
        else:
            place = together([hits[name] for name in rule.finds], rule.within)
            if place is not None:
                yield rule, part[place].page
