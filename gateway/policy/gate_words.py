"""The gates of a policy as a lawyer writes them: what must be in order outside its rules before anything leaves."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Literal

from pydantic import Field

from gateway.policy.words import PERSONAL, DataClass, FieldGlob, Flag, Strict


class ConsentGate(Strict):
    """Whose name in one of `fields` is shown as it is must have consented to that, for every class of recipients in
    custody; who refused, or whose consent has ended, may be named nowhere.
    """

    fields: tuple[FieldGlob, ...] = Field(min_length=1, max_length=50)


class PersonalDataGate(Strict):
    """Where data of one of `classes` leaves, in whole or in part, or `always`, that must have been assessed."""

    classes: tuple[DataClass, ...] = Field(default=tuple(sorted(PERSONAL)), min_length=1)
    always: Flag = False


class Gates(Strict):
    """Each gate lets a whole rendition or release pass, or says what is missing; none shows or hides a field.

    With `statements: required` what a document would say is held against the rules over statements; of pages that no
    rule can read that is asked apart, unless with `unread: confirmed` it is enough that the document was looked at.
    """

    statements: Literal["required"] | None = None
    unread: Literal["ask", "confirmed"] = "ask"
    consent: ConsentGate | None = None
    personal_data: PersonalDataGate | None = None


def dropped(old: Sequence[Gates], new: Sequence[Gates]) -> tuple[str, ...]:
    """The gates of `old` that `new` does not ask for as strictly, by name: dropping one loosens a policy."""
    asked, still = [frozenset(_asked(every)) for every in (old, new)]
    return tuple(sorted({name for name, _ in asked - still}))


def _asked(every: Sequence[Gates]) -> Iterator[tuple[str, str]]:
    """Every single thing that these gates ask for."""
    for gates in every:
        if gates.statements:
            yield "statements", ""
        if gates.statements and gates.unread == "ask":
            yield "statements", gates.unread
        for glob in gates.consent.fields if gates.consent else ():
            yield "consent", glob
        for name in gates.personal_data.classes if gates.personal_data else ():
            yield "personal_data", name
            if gates.personal_data and gates.personal_data.always:
                yield "personal_data", f"{name} always"
