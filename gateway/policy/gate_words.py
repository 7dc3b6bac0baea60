"""The gates of a policy as a lawyer writes them: what must be in order outside its rules before anything leaves."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from fnmatch import fnmatchcase
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from gateway.base.text import comparable
from gateway.policy.words import PERSONAL, DataClass, FieldGlob, FieldName, Flag, Line, RegionName, Strict, Value

# A word for a list of controlled goods, such as `us_ear`; what it stands for is the policy's own to say.
Regime = RegionName
_Saying = Annotated[tuple[Value, ...], Field(min_length=1, max_length=100)]


class ConsentGate(Strict):
    """Whose name in one of `fields` is shown as it is must have consented to that, for every class of recipients in
    custody; who refused, or whose consent has ended, may be named nowhere.

    With `refused: drop` the rows of a table that name who refused are withheld, and the others may leave.
    """

    fields: tuple[FieldGlob, ...] = Field(min_length=1, max_length=50)
    refused: Literal["drop"] | None = None

    def speaks_of(self, name: str) -> bool:
        """Whether it is about the field of this name."""
        return any(fnmatchcase(name, glob) for glob in self.fields)


class PersonalDataGate(Strict):
    """Where data of one of `classes` leaves, in whole or in part, or `always`, that must have been assessed."""

    classes: tuple[DataClass, ...] = Field(default=tuple(sorted(PERSONAL)), min_length=1)
    always: Flag = False


class ExportControlGate(Strict):
    """Every original was classified under each of `regimes`, and what is controlled there has a licence that covers
    everyone in custody. `uncontrolled` are the entries of a regime that need none, such as EAR99; `none` always is.
    """

    regimes: tuple[Regime, ...] = Field(min_length=1, max_length=20)
    uncontrolled: dict[Regime, tuple[Line, ...]] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _of_its_regimes(self) -> Self:
        if not set(self.uncontrolled) <= set(self.regimes):
            raise ValueError("`uncontrolled` names a regime that `regimes` does not; correct it")
        return self

    def free(self, regime: str) -> frozenset[str]:
        """The entries of a regime that need no licence, as they are compared."""
        return frozenset(map(comparable, ("none", *self.uncontrolled.get(regime, ()))))


class NexusGate(Strict):
    """Of a row of which anything leaves each of `fields` says that nothing of defence is in it, in one of the words of
    `clear`. What says anything else, or nothing, counts as the `values` do that say that there is.
    """

    fields: tuple[FieldName, ...] = Field(min_length=1, max_length=20)
    values: _Saying
    clear: _Saying

    @model_validator(mode="after")
    def _apart(self) -> Self:
        if "" in self.clears:
            raise ValueError("an empty cell is no answer; take it out of `clear`")
        if self.clears & set(map(comparable, self.values)):
            raise ValueError("a word stands in `values` and in `clear`; take it out of one")
        return self

    @property
    def clears(self) -> frozenset[str]:
        """The words of `clear` as cells are compared with them."""
        return frozenset(map(comparable, self.clear))


class Gates(Strict):
    """Each gate lets a whole rendition or release pass, or says what is missing; none shows or hides a field, but that
    `consent` may withhold the rows of who refused.

    With `statements: required` what a document would say is held against the rules over statements; of pages that no
    rule can read that is asked apart, unless with `unread: confirmed` it is enough that the document was looked at.
    """

    statements: Literal["required"] | None = None
    unread: Literal["ask", "confirmed"] = "ask"
    consent: ConsentGate | None = None
    personal_data: PersonalDataGate | None = None
    export_control: ExportControlGate | None = None
    nexus: NexusGate | None = None


def dropped(old: Sequence[Gates], new: Sequence[Gates]) -> tuple[str, ...]:
    """The gates of `old` that `new` does not ask for as strictly, by name: dropping one loosens a policy."""
    asked, still = [frozenset(_asked(every)) for every in (old, new)]
    return tuple(sorted({name for name, _ in asked - still} | set(_loosened(old, new))))


def _asked(every: Sequence[Gates]) -> Iterator[tuple[str, str]]:
    """Every single thing that these gates ask for."""
    for gates in every:
        if gates.statements:
            yield "statements", ""
        if gates.statements and gates.unread == "ask":
            yield "statements", gates.unread
        for glob in gates.consent.fields if gates.consent else ():
            yield "consent", glob
            if gates.consent and gates.consent.refused is None:
                yield "consent", f"{glob} of everybody"
        for name in gates.personal_data.classes if gates.personal_data else ():
            yield "personal_data", name
            if gates.personal_data and gates.personal_data.always:
                yield "personal_data", f"{name} always"


def _loosened(old: Sequence[Gates], new: Sequence[Gates]) -> Iterator[str]:
    """The gates of `old` that pass a word which those of `new` do not: there every gate must be passed by itself."""
    flags = [gates.nexus for gates in new if gates.nexus]
    for nexus in (gates.nexus for gates in old if gates.nexus):
        if not all(any(name in one.fields and one.clears <= nexus.clears for one in flags) for name in nexus.fields):
            yield "nexus"
    lists = [gates.export_control for gates in new if gates.export_control]
    for export in (gates.export_control for gates in old if gates.export_control):
        for regime in export.regimes:
            if not any(regime in one.regimes and one.free(regime) <= export.free(regime) for one in lists):
                yield "export_control"
