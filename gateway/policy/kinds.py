"""What an original of one kind is made of: canonical fields, region classes, and how headers name them."""

from __future__ import annotations

from functools import cached_property
from typing import Annotated, Literal, Self

from pydantic import Field, StringConstraints, model_validator

from gateway.policy.words import DataClass, FieldName, KindName, Line, RegionName, Strict, Text

Medium = Literal["table", "text", "picture", "document", "video", "drawing"]
_WITH_FIELDS = ("table", "text")
ValueType = Literal["text", "decimal", "integer", "date", "enum"]
# A title becomes a column header of a rendition: it may not look like a formula or carry brackets of its own.
Title = Annotated[str, StringConstraints(pattern=r"^[^\W_][^\[\]{}\r\n\t]{0,79}$")]


class KindTitle(Strict):
    """A title in both languages."""

    en: Title
    zh: Title


class KindField(Strict):
    """A canonical field. Where it has a `unit`, a header must state that unit to be given this name."""

    name: FieldName
    title: KindTitle
    type: ValueType = "text"
    unit: Annotated[str, StringConstraints(pattern=r"^[a-z%][a-z%0-9]{0,9}$")] | None = None
    classes: tuple[DataClass, ...] = ()
    synonyms: tuple[Line, ...] = ()


class RegionClass(Strict):
    """A sort of region that a person can draw on a picture, a page or a drawing."""

    name: RegionName
    title: KindTitle


class Kind(Strict):
    """One kind of original. Where the `mark` belongs in the margin alone, no policy can have it anywhere else.

    `about` says in a header's words what one row speaks of: in a list of customers `Customer industry` is `Industry`.
    """

    name: KindName = Field(alias="kind")
    title: Text
    medium: Medium
    about: tuple[Line, ...] = ()
    fields: tuple[KindField, ...] = ()
    regions: tuple[RegionClass, ...] = ()
    mark: Literal["everywhere", "margin"] = "everywhere"

    @model_validator(mode="after")
    def _complete(self) -> Self:
        if self.medium in _WITH_FIELDS and (not self.fields or self.regions):
            raise ValueError(f"a {self.medium} kind has fields and no regions; correct it")
        if self.medium not in _WITH_FIELDS and (not self.regions or self.fields):
            raise ValueError(f"a {self.medium} kind has regions and no fields; correct it")
        if self.mark == "margin" and self.medium != "document":
            raise ValueError(f"a {self.medium} has no margin for its mark; remove `mark`")
        names = [field.name for field in self.fields] + [region.name for region in self.regions]
        titles = [field.title.en.casefold() for field in self.fields]
        titles += [region.title.en.casefold() for region in self.regions]
        if len(set(names)) != len(names) or len(set(titles)) != len(titles):
            raise ValueError("a name or an English title stands twice; rename one")
        return self

    @cached_property
    def by_name(self) -> dict[str, KindField]:
        """The fields by canonical name."""
        return {field.name: field for field in self.fields}

    @cached_property
    def region_titles(self) -> dict[str, KindTitle]:
        """The titles by region class."""
        return {region.name: region.title for region in self.regions}
