"""What a form of a page says, field by field."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from gateway.base.problems import Usage


class FormIncomplete(Usage):
    """A form without a field that its page has, or with a value that the page does not offer."""

    slug = "form-incomplete"
    title = "The form is not as its page sends it"


@dataclass(frozen=True, slots=True)
class Form:
    """Name → values in the order in which they were sent."""

    fields: Mapping[str, Sequence[str]]

    def all(self, name: str) -> tuple[str, ...]:
        """Every value under `name`."""
        return tuple(one.replace("\r\n", "\n") for one in self.fields.get(name, ()))

    def text(self, name: str) -> str:
        """The one value under `name` without the white space around it, or nothing."""
        found = self.all(name)
        if len(found) > 1:
            raise FormIncomplete("The form has a field twice that stands there once; load the page again.")
        return found[0].strip() if found else ""

    def required(self, name: str) -> str:
        """The same, or `FormIncomplete` where it is empty."""
        found = self.text(name)
        if not found:
            raise FormIncomplete("A field that is needed was left empty; fill it in and send the form again.")
        return found

    def given(self, name: str) -> bool:
        """Whether a box is ticked or a button was the one pressed."""
        return name in self.fields
