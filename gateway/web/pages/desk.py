"""What routes of pages ask for by type: the desk of whoever has signed in, and the form that they sent."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from functools import cached_property
from typing import Annotated, Any, Final

from fastapi import Depends
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from gateway.app import Gateway
from gateway.people.model import Actor, Permission, Person, SignedIn
from gateway.web import places
from gateway.web.deps import actor_of, gateway_of
from gateway.web.forms import Form
from gateway.web.pages import site

# Where the menu leads, and the permission without which a place is not offered.
MENU: Final = (
    ("inbox", places.DESK, None),
    ("matters", f"{places.DESK}/matters", Permission.MATTER_READ),
    ("policies", f"{places.DESK}/policies", Permission.MATTER_READ),
    ("audit", f"{places.DESK}/audit", Permission.AUDIT_READ),
    ("administration", f"{places.DESK}/administration", Permission.PEOPLE_READ),
)


@dataclass(frozen=True)
class Desk:
    """One person at one page: who they are, what they may do, in which language they read."""

    request: Request
    gateway: Gateway
    actor: Actor
    language: str

    @property
    def today(self) -> date:
        """The day by the gateway's clock."""
        return self.gateway.clock.now().date()

    @cached_property
    def me(self) -> Person:
        """Whoever sits here."""
        return self.gateway.people.person(self.actor.person_id)

    def may(self, permission: str) -> bool:
        """Whether what needs this permission is offered; services check again what they change."""
        return Permission(permission) in self.actor.scopes

    def need(self, permission: Permission) -> None:
        """Raise unless this person holds `permission`."""
        self.actor.require(permission)

    def who(self, person_id: str) -> str:
        """A person's name, for those who may read names; else the end of their id."""
        if person_id == self.actor.person_id:
            return self.me.name
        if person_id.startswith("per_") and Permission.PEOPLE_READ in self.actor.scopes:
            return self._names.setdefault(person_id, self.gateway.people.person(person_id).name)
        return site.short(person_id)

    @cached_property
    def _names(self) -> dict[str, str]:
        return {}

    def said(self, text: Any) -> str:
        """The one of two texts that is in this person's language."""
        told = text if isinstance(text, dict) else {"en": text.en, "zh": text.zh}
        return str(told[self.language])

    def page(self, template: str, place: str = "", **context: Any) -> Response:
        """A page of this desk; `place` is the entry of the menu it belongs to."""
        return site.page(
            template,
            self.language,
            desk=self,
            place=place,
            menu=[(name, where) for name, where, wanted in MENU if wanted is None or wanted in self.actor.scopes],
            here=self.request.url.path,
            csrf=csrf_of(self.request),
            **context,
        )

    @staticmethod
    def go(where: str) -> Response:
        """On to another page, once something was done (303)."""
        return RedirectResponse(where, 303)


def csrf_of(request: Request) -> str:
    """The token that forms of this session carry; none where somebody came with a bearer token, which no browser
    sends by itself.
    """
    signed_in: SignedIn | None = getattr(request.state, "session", None)
    return signed_in.csrf if signed_in else ""


async def desk_of(
    request: Request, gateway: Annotated[Gateway, Depends(gateway_of)], actor: Annotated[Actor, Depends(actor_of)]
) -> Desk:
    """The desk that this request comes from."""
    return Desk(request, gateway, actor, site.language_of(request))


async def form_of(request: Request) -> Form:
    """The form that was sent, read and bounded before; an empty one where nothing was."""
    return Form(getattr(request.state, "form", {}))


AtDesk = Annotated[Desk, Depends(desk_of)]
Sent = Annotated[Form, Depends(form_of)]
