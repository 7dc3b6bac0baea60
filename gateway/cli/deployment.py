"""`init`, `found`, `token`, `people`: a deployment from its first file to the people who act in it."""

from __future__ import annotations

import os
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from gateway.app import compose, initialise
from gateway.base.problems import Usage
from gateway.cli.client import Client, Person
from gateway.cli.environment import connected
from gateway.cli.keyfiles import KeyFile, describe, load_key
from gateway.cli.output import AsJson, note, show
from gateway.db.engine import sqlite_engine
from gateway.db.migrate import upgrade as upgrade_schema
from gateway.people.model import Founder, Permission, Role
from gateway.people.rules import permissions_of
from gateway.people.statements import founding_statement
from gateway.seal.signature import SigningKey, to_text
from gateway.settings import Settings, from_environment, passphrase

people = typer.Typer(help="Who may act here.", no_args_is_help=True)

RoleList = Annotated[str, typer.Option("--roles", help="Roles, comma-separated, such as legal,privacy.")]


def init(
    upgrade: Annotated[bool, typer.Option("--upgrade", help="Bring an existing database to this version.")] = False,
) -> None:
    """Create the data folder GATEWAY_DATA: key file under GATEWAY_PASSPHRASE_FILE, database, keys, first entry."""
    settings = from_environment()
    if upgrade:
        if not settings.database.exists():
            raise Usage("There is no database in this data folder to upgrade; run `gateway init` without --upgrade.")
        upgrade_schema(sqlite_engine(settings.database))
        note("The database has this version's schema now.")
        return
    initialise(settings, passphrase())
    note("The gateway is created. Next: two people make keys (`gateway keygen`) and found it (`gateway found`).")


def found(
    first: Annotated[str, typer.Option("--first", help="Name of the first founder, the administrator.")],
    first_key: Annotated[Path, typer.Option("--first-key", help="The first founder's private key (PEM).")],
    second: Annotated[str, typer.Option("--second", help="Name of the second founder.")],
    second_key: Annotated[Path, typer.Option("--second-key", help="The second founder's private key (PEM).")],
    first_roles: Annotated[str, typer.Option("--first-roles", help="Comma-separated.")] = "administrator",
    second_roles: Annotated[str, typer.Option("--second-roles", help="Comma-separated.")] = "legal",
    as_json: AsJson = False,
) -> None:
    """The founding ceremony: once, on the data folder itself, two people sign with two keys."""
    settings = from_environment()
    founders = [
        (first, roles_named(first_roles), load_key(first_key)),
        (second, roles_named(second_roles), load_key(second_key)),
    ]
    made = founded(settings, passphrase(), founders)
    show(
        made,
        as_json=as_json,
        lines=[f"{one.id}  {', '.join(sorted(one.roles))}  {one.name}" for one in made],
    )


def founded(
    settings: Settings, secret: bytes, founders: list[tuple[str, frozenset[Role], SigningKey]]
) -> tuple[Person, ...]:
    """Found the deployment in the data folder; the two people, in order."""
    gateway = compose(settings, secret)
    at = datetime.now(UTC).replace(microsecond=0)
    keys = [(to_text(key.public), roles) for _, roles, key in founders]
    statement = founding_statement(deployment=settings.tenant, founders=keys, at=at)
    signed = [
        Founder(name=name, roles=roles, public_key=to_text(key.public), signature=key.sign(statement))
        for name, roles, key in founders
    ]
    made = gateway.people.found(signed[0], signed[1], at=at)
    return tuple(
        Person(one.id, one.name, tuple(sorted(role.value for role in one.roles)), one.public_key, one.state.value)
        for one in made
    )


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
        everybody = client.people()
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
