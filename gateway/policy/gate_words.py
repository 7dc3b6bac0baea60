"""The gates of a policy as a lawyer writes them: what must be in order outside its rules before anything leaves."""

from __future__ import annotations

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

    With `statements: required` what a document would say is held against the rules over statements.
    """

    statements: Literal["required"] | None = None
    consent: ConsentGate | None = None
    personal_data: PersonalDataGate | None = None
