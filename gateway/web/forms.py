"""Forms of pages before anything believes them: bounded, readable in one way only, and sent by a page of ours."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final
from urllib.parse import parse_qsl, urlsplit

from starlette.datastructures import Headers

from gateway.base.problems import Forbidden, Usage
from gateway.web.problems import WrongContentType

MEDIA_TYPE: Final = "application/x-www-form-urlencoded"
FIELDS_MAX: Final = 2_000


class FormForeign(Forbidden):
    """A form that did not come from a page of this gateway."""

    slug = "form-foreign"
    title = "The form comes from elsewhere"


class FormIncomplete(Usage):
    """A form without a field that its page has, or with a value that the page does not offer."""

    slug = "form-incomplete"
    title = "The form is not as its page sends it"


@dataclass(frozen=True, slots=True)
class Form:
    """Name → values in the order in which they were sent."""

    fields: Mapping[str, tuple[str, ...]]

    def all(self, name: str) -> tuple[str, ...]:
        """Every value under `name`."""
        return self.fields.get(name, ())

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


def parse(untrusted_body: bytes, headers: Headers) -> Form:
    """The form in a body; UTF-8, no NUL, so many fields at most."""
    if not untrusted_body:
        return Form({})
    if headers.get("content-type", "").partition(";")[0].strip().lower() != MEDIA_TYPE:
        raise WrongContentType("Send the form as its page does, as application/x-www-form-urlencoded.")
    try:
        pairs = parse_qsl(
            untrusted_body.decode("ascii"),
            keep_blank_values=True,
            strict_parsing=True,
            errors="strict",
            max_num_fields=FIELDS_MAX,
        )
    except ValueError as error:
        raise FormIncomplete("The form cannot be read; load the page again and send it from there.") from error
    fields: dict[str, tuple[str, ...]] = {}
    for name, value in pairs:
        if "\0" in name or "\0" in value:
            raise FormIncomplete("The form holds a NUL; take it out and send the form again.")
        fields[name] = (*fields.get(name, ()), value.replace("\r\n", "\n"))
    return Form(fields)


def check_from_here(headers: Headers) -> None:
    """Raise `FormForeign` where the browser says that another origin's page sent this.

    A browser that says neither is held back by the session's cookie, which is never sent across sites, and its token.
    """
    site, origin = headers.get("sec-fetch-site"), headers.get("origin")
    foreign = FormForeign("This was sent by a page of another origin; open the gateway itself and send it from there.")
    if site is not None and site not in {"same-origin", "none"}:
        raise foreign
    if origin is not None and urlsplit(origin).netloc != headers.get("host", ""):
        raise foreign
