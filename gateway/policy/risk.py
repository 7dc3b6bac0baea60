"""What a rendition of a table may tell beyond what it shows: the block `risk:` of a policy. Words and limits only."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import Annotated, Literal, Self

from pydantic import BeforeValidator, Field, WithJsonSchema, model_validator

from gateway.policy.words import FieldName, Strict, Whole

_SHARE = re.compile(r"0(\.[0-9]{1,4})?|1(\.0{1,4})?")


def _share(value: object) -> str:
    if not isinstance(value, str) or not _SHARE.fullmatch(value):
        raise ValueError("must be a share from 0 to 1 with at most four decimals, such as 0.02; rewrite it")
    return value


Share = Annotated[str, BeforeValidator(_share), WithJsonSchema({"type": "number", "minimum": 0, "maximum": 1})]
AtLeast = Annotated[Whole, Field(ge=2, le=1_000_000)]
# Of which a larger number is the stricter; of the other limits a smaller one is.
_MORE_IS_STRICTER = frozenset({"k", "k_entities", "l", "min_contributors", "protection"})
_OF_ENTITIES = ("k_entities", "unique_profiles", "min_contributors", "dominance")
_OF_SENSITIVE = ("l", "t")
PROTECTION = "0.05"


class Limits(Strict):
    """How far a rendition may go. A limit that is not written is not checked, save `protection`.

    `k`, `k_entities`, `l`, `t`, `unique_rows` hold for every combination of quasi-identifiers as it is shown;
    `min_contributors` and `dominance` for every such combination without the measures; `unique_profiles` for all rows
    of an entity together. `protection` is how far what is withheld must stay uncertain, as a share of its value.
    """

    k: AtLeast | None = None
    k_entities: AtLeast | None = None
    diversity: AtLeast | None = Field(default=None, alias="l")
    t: Share | None = None
    unique_rows: Share | None = None
    unique_profiles: Share | None = None
    dominance: Share | None = None
    min_contributors: AtLeast | None = None
    protection: Share = PROTECTION

    def items(self) -> Mapping[str, int | str]:
        """The limits that are set, by the names that a policy gives them."""
        return self.model_dump(by_alias=True, exclude_none=True)


class Risk(Strict):
    """Who must not be singled out, by what one might be, and the limits.

    Without `measures` the quasi-identifiers that are numbers are the measures.
    """

    entity: FieldName | None = None
    quasi_identifiers: tuple[FieldName, ...] = Field(min_length=1, max_length=20)
    sensitive: tuple[FieldName, ...] = Field(default=(), max_length=20)
    measures: tuple[FieldName, ...] = Field(default=(), max_length=20)
    limits: Limits
    on_violation: Literal["block"] = "block"

    @model_validator(mode="after")
    def _complete(self) -> Self:
        named = (*self.quasi_identifiers, *self.sensitive)
        if len(set(named)) != len(named) or self.entity in named:
            raise ValueError("a field stands twice among entity, quasi-identifiers and sensitive; keep it once")
        wanted = set(self.limits.items())
        if wanted <= {"protection"}:
            raise ValueError("`limits` sets no limit; write one, such as `k_entities: 5`")
        lacking = sorted(wanted.intersection(_OF_ENTITIES))
        if lacking and self.entity is None:
            raise ValueError(f"the limit `{lacking[0]}` counts entities; name the `entity`")
        lacking = sorted(wanted.intersection(_OF_SENSITIVE))
        if lacking and not self.sensitive:
            raise ValueError(f"the limit `{lacking[0]}` is about sensitive fields; list them under `sensitive`")
        return self

    @property
    def fields(self) -> frozenset[str]:
        """Every field that it names."""
        entity = {self.entity} if self.entity else set()
        return frozenset({*self.quasi_identifiers, *self.sensitive, *self.measures, *entity})

    def at_least_as_strict_as(self, other: Risk) -> bool:
        """Whether it looks at least at what the other does, and allows no more in any respect."""
        if self.entity != other.entity or not set(other.quasi_identifiers) <= set(self.quasi_identifiers):
            return False
        if not set(other.sensitive) <= set(self.sensitive) or set(other.measures) != set(self.measures):
            return False
        own = self.limits.items()
        return all(name in own and _stricter(name, own[name], limit) for name, limit in other.limits.items().items())


def joined(own: Risk | None, parents: Iterable[Risk]) -> Risk | None:
    """The child's own, or the one of its parents that is as strict as all others. Raises ValueError where none is."""
    candidates = [*([own] if own else []), *parents]
    if not candidates:
        return None
    chosen = own or next((one for one in candidates if all(map(one.at_least_as_strict_as, candidates))), None)
    if chosen is None or not all(map(chosen.at_least_as_strict_as, candidates)):
        raise ValueError("`risk` must be at least as strict as that of every parent; repeat theirs and tighten it")
    return chosen


def _stricter(name: str, own: int | str, other: int | str) -> bool:
    one, two = Decimal(own), Decimal(other)
    return one >= two if name in _MORE_IS_STRICTER else one <= two
