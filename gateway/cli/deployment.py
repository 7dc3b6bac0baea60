"""`init` and `found`: a deployment from its first file to its two founders, on the data folder itself."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from gateway.app import compose
from gateway.cli.accounts import roles_named
from gateway.cli.client import Person
from gateway.cli.keyfiles import load_key
from gateway.cli.output import AsJson, note, show
from gateway.founding import initialise, migrate
from gateway.people.model import Founder, Role
from gateway.people.statements import founding_statement
from gateway.seal.signature import SigningKey, to_text
from gateway.settings import Settings, from_environment, passphrase


def init(
    upgrade: Annotated[bool, typer.Option("--upgrade", help="Bring an existing database to this version.")] = False,
) -> None:
    """Create the data folder GATEWAY_DATA: key file under GATEWAY_PASSPHRASE_FILE, database, keys, first entry.

    With GATEWAY_DATABASE_URL the database is that one, which must be empty; GATEWAY_DATABASE_ROLE gets its rights.
    """
    settings = from_environment()
    if upgrade:
        migrate(settings)
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
    statement = founding_statement(deployment=gateway.settings.tenant, founders=keys, at=at)
    signed = [
        Founder(name=name, roles=roles, public_key=to_text(key.public), signature=key.sign(statement))
        for name, roles, key in founders
    ]
    made = gateway.people.found(signed[0], signed[1], at=at)
    return tuple(
        Person(one.id, one.name, tuple(sorted(role.value for role in one.roles)), one.public_key, one.state.value)
        for one in made
    )
