"""Whether third parties consented to be named, and whether the disclosure of personal data was assessed."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase

from gateway.base.problems import Refused
from gateway.base.text import comparable
from gateway.policy.conditions import Context
from gateway.policy.phrases import Finder, Phrases, tokens_of

_MOST_ROWS = 10


class ConsentMissing(Refused):
    """A third party is named who has not consented to it, or no longer does."""

    slug = "consent-missing"
    title = "A third party has not consented"


class AssessmentMissing(Refused):
    """Personal data leaves, and no assessment of that holds."""

    slug = "assessment-missing"
    title = "A disclosure of personal data was not assessed"


@dataclass(frozen=True, slots=True)
class Consent:
    """One party's newest or earlier word: under which spellings, for which fields and recipients, whether it holds
    today, and whether it was a no.
    """

    id: str
    names: frozenset[str]
    fields: tuple[str, ...]
    recipient_class: str
    lives: bool
    refused: bool = False

    def speaks_of(self, field: str, recipient_class: str) -> bool:
        """Whether it is about this field and this class of recipients."""
        return self.recipient_class == recipient_class and any(fnmatchcase(field, one) for one in self.fields)


def party(name: str) -> str:
    """A party's name as it is compared: without regard to case, width and the number of spaces."""
    return " ".join(comparable(name).split())


def classes_of(context: Context) -> tuple[str, ...]:
    """The classes of everyone through whose hands a release passes; one that is missing is none that consent is for."""
    return tuple(dict.fromkeys(str(view.get("recipient.class", "")) for view in context.views()))


def consented(
    consents: Sequence[Consent], field: str, rows: Mapping[str, int], recipients: Iterable[str]
) -> tuple[str, ...]:
    """The ids of the consents on which every value shown in `field` may rest; `rows` says where each stands first.

    `consents` come oldest first: of several that speak of the same the newest counts. Raises `ConsentMissing`.
    """
    relied: dict[str, None] = {}
    lacking: set[int] = set()
    for recipient in recipients:
        newest: dict[str, Consent] = {}
        for one in consents:
            if one.speaks_of(field, recipient):
                newest.update(dict.fromkeys(one.names, one))
        for value, row in rows.items():
            found = newest.get(party(value))
            if found is not None and found.lives:
                relied[found.id] = None
            else:
                lacking.add(row)
    if lacking:
        more = " and others" if len(lacking) > _MOST_ROWS else ""
        first = ", ".join(map(str, sorted(lacking)[:_MOST_ROWS])) + more
        raise ConsentMissing(
            f"{len(lacking)} of the parties in {field} have given no consent that holds for every recipient (see data "
            f"rows {first}); record what they said, then answer anew.",
            field=field,
            parties=len(lacking),
        )
    return tuple(relied)


def refusers(consents: Sequence[Consent], field: str, recipients: Iterable[str]) -> frozenset[str]:
    """The names, as they are compared, of those whose newest word to one of these recipients is a no: for `field`, or
    of whatever fields it was.
    """
    told = tuple(recipients)
    heard = [one for one in consents if one.recipient_class in told]
    names: set[str] = set()
    for every in (heard, [one for one in heard if one.speaks_of(field, one.recipient_class)]):
        newest = {(name, one.recipient_class): one.refused for one in every for name in one.names}
        names |= {name for (name, _), refused in newest.items() if refused}
    return frozenset(names)


def require_unnamed(consents: Sequence[Consent], recipients: Iterable[str], texts: Iterable[str]) -> None:
    """Raise `ConsentMissing` where a party is named whose newest word for one of these recipients is no consent."""
    told = tuple(recipients)
    standing: dict[tuple[str, str], bool] = {}
    for one in consents:
        if one.recipient_class in told:
            standing.update({(name, one.recipient_class): one.lives for name in one.names})
    adverse = tuple(sorted({name.replace("*", " ") for (name, _), lives in standing.items() if not lives}))
    if not adverse:
        return
    for place, text in enumerate(texts, start=1):
        # A name may go on over the end of a line, and over a full stop: `Dr. Example`.
        tokens = [token for token in tokens_of((place, line) for line in text.splitlines()) if token.text]
        if Finder(Phrases(adverse), {token.text for token in tokens}).hits(tokens):
            raise ConsentMissing(
                "A party that refused to be named, or whose consent has ended, is named in what would leave; withhold "
                "it by a rule, a term or a region, or record a new consent.",
            )
