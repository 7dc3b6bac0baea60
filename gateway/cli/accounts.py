"""`token` and `people`: who may act here, and how they come to a token."""

from __future__ import annotations

import os
from typing import Annotated

import typer

from gateway.base.problems import Usage
from gateway.cli.client import Client, Person
from gateway.cli.environment import connected
from gateway.cli.keyfiles import KeyFile, describe, load_key
from gateway.cli.output import AsJson, note, show
from gateway.people.model import Permission, Role
from gateway.people.rules import permissions_of
from gateway.seal.signature import SigningKey

people = typer.Typer(help="Who may act here.", no_args_is_help=True)

RoleList = Annotated[str, typer.Option("--roles", help="Roles, comma-separated, such as legal,privacy.")]


def token(
    key: KeyFile,
    person: Annotated[
        str | None, typer.Option("--person", help="Your id (per_…); GATEWAY_PERSON when not given.")
    ] = None,
    scopes: Annotated[str | None, typer.Option("--scopes", help="Permissions, comma-separated.")] = None,
    roles: Annotated[str | None, typer.Option("--roles", help="Everything these roles of yours may do.")] = None,
    as_json: AsJson = False,
) -> None:
    """Get an API token by signing for it with your own key. It is printed once: keep it in a file of mode 0600."""
    who = person or os.environ.get("GATEWAY_PERSON")
    if who is None:
        raise Usage("Say who you are: --person per_… or GATEWAY_PERSON.")
    with connected(anonymous=True) as client:
        issued = client.issue_token(load_key(key), who, wanted_scopes(scopes, roles))
    show(issued, as_json=as_json, lines=[issued.token])


@people.command("list")
def list_people(as_json: AsJson = False) -> None:
    """Everybody: id, state, roles, name."""
    with connected() as client:
        everybody = tuple(client.people())
    show(everybody, as_json=as_json, lines=[_line(one) for one in everybody])


@people.command("propose")
def propose(
    name: str,
    roles: RoleList,
    public_key: Annotated[str, typer.Option("--public-key", help="`ed25519:…` as `gateway keygen` printed it.")],
    as_json: AsJson = False,
) -> None:
    """Bring somebody in; nothing holds until a second person countersigns."""
    with connected() as client:
        person = client.propose_person(name, sorted(role.value for role in roles_named(roles)), public_key)
    show(person, as_json=as_json, lines=[_line(person)])


@people.command("countersign")
def countersign(person: str, key: KeyFile, as_json: AsJson = False) -> None:
    """Be the second person: sign the enrolment of somebody whom another has proposed."""
    with connected() as client:
        active = countersigned(client, person, load_key(key))
    show(active, as_json=as_json, lines=[_line(active)])


def countersigned(client: Client, person: str, key: SigningKey, *, quiet: bool = False) -> Person:
    """Fetch the enrolment statement, show it, sign it here, hand in the signature."""
    statement = client.enrolment_statement(person)
    if not quiet:
        note(*describe(statement, None))
    return client.countersign(person, key.sign(statement))


def roles_named(text: str) -> frozenset[Role]:
    """Roles from a comma-separated list."""
    try:
        return frozenset(Role(name.strip()) for name in text.split(",") if name.strip())
    except ValueError as error:
        raise Usage(f"The roles are {', '.join(role.value for role in Role)}.") from error


def wanted_scopes(scopes: str | None, roles: str | None) -> tuple[str, ...]:
    """The permissions a token is asked for: named one by one, or all that some roles hold."""
    if roles is not None:
        return tuple(sorted(permission.value for permission in permissions_of(roles_named(roles))))
    if scopes is None:
        raise Usage("Say what the token is for: --roles ROLE,… for all that these roles may do, or --scopes.")
    known = {permission.value for permission in Permission}
    wanted = tuple(sorted({one.strip() for one in scopes.split(",") if one.strip()}))
    if not wanted or not set(wanted) <= known:
        raise Usage(f"The scopes are {', '.join(sorted(known))}.")
    return wanted


def _line(person: Person) -> str:
    return f"{person.id}  {person.state:<8}  {', '.join(person.roles) or '-':<24}  {person.name}"
