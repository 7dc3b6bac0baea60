"""People's own signing keys on their own machines: made, read and used here, never sent anywhere."""

from __future__ import annotations

import base64
import getpass
import json
import os
import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from gateway.base.canon import parse_canonical
from gateway.base.problems import Conflict, NotFound, Usage
from gateway.cli.client import checked_request
from gateway.cli.output import AsJson, note, say, show
from gateway.seal.recipient import generate_identity
from gateway.seal.signature import SigningKey, load_private_pem, private_pem, to_text

PASSPHRASE_VARIABLE = "GATEWAY_KEY_PASSPHRASE"  # noqa: S105 the name of a variable, no secret
_STATEMENTS = "disclosure-gateway/"
_LARGEST_REQUEST_BYTES = 4 << 20

KeyFile = Annotated[Path, typer.Option("--key", help="Your private key (PEM).", exists=False)]


class KeyFileExists(Conflict):
    """A key file is never overwritten."""

    slug = "key-file-exists"
    title = "There is a file of this name"


class KeyFileMissing(NotFound):
    """No readable key file at the path."""

    slug = "key-file-missing"
    title = "The key file cannot be read"


class NothingToSign(Usage):
    """What was given is no statement of this gateway."""

    slug = "nothing-to-sign"
    title = "This is nothing that one signs here"


def keygen(
    out: Annotated[Path, typer.Option("--out", help="Where the private key goes; the file must not exist.")],
    as_json: AsJson = False,
) -> None:
    """Make a signing key: the private half goes into FILE (0600), the public half is printed."""
    public = write_new_key(out, _new_passphrase())
    show({"public_key": public, "private_key_file": str(out)}, as_json=as_json, lines=[public])


def recipient_keygen(
    out: Annotated[Path, typer.Option("--out", help="Where the age identity goes; the file must not exist.")],
    hybrid: Annotated[
        bool, typer.Option("--hybrid", help="ML-KEM-768 beside X25519; opened by age 1.3 and later. Experimental.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Make a recipient's age key: the identity goes into FILE (0600), the public key is printed."""
    identity, recipient = generate_identity(hybrid=hybrid)
    _write_new(out, f"# public key: {recipient}\n{identity}\n".encode("ascii"))
    show({"public_key": recipient, "identity_file": str(out)}, as_json=as_json, lines=[recipient])


def sign(
    request: Annotated[str, typer.Argument(help="A file with an approval request or a statement; `-` reads stdin.")],
    key: KeyFile,
    as_json: AsJson = False,
) -> None:
    """Sign an approval request or a statement with your own key; what it says is shown on stderr."""
    statement, shown = read_request(_read(request))
    note(*shown)
    own = load_key(key)
    signature = base64.b64encode(own.sign(statement)).decode("ascii")
    public = to_text(own.public)
    result = {"statement": statement.decode(), "signature": signature, "alg": "Ed25519", "key": public}
    show(result, as_json=as_json, lines=[signature])


def write_new_key(path: Path, passphrase: str | None) -> str:
    """Make a key, write its private half to a new file with mode 0600, and give its public half as text."""
    key = SigningKey.generate()
    _write_new(path, private_pem(key, passphrase))
    return to_text(key.public)


def _write_new(path: Path, data: bytes) -> None:
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError as error:
        raise KeyFileExists("There is a file of this name already; a key is never overwritten.") from error
    except OSError as error:
        raise Usage("The key file cannot be written there; name a folder that exists and is yours.") from error
    with os.fdopen(descriptor, "wb") as file:
        file.write(data)


def load_key(path: Path) -> SigningKey:
    """The key in `path`; its passphrase comes from GATEWAY_KEY_PASSPHRASE, or is asked for on a terminal."""
    try:
        data = path.read_bytes()
    except OSError as error:
        raise KeyFileMissing("The private key file cannot be read; check --key.") from error
    encrypted = b"ENCRYPTED" in data
    return load_private_pem(data, _passphrase() if encrypted else None)


def read_request(data: bytes) -> tuple[bytes, list[str]]:
    """The statement to sign, and lines that say what it stands for.

    An approval request carries its manifest, and both have to agree; a bare statement says all it says itself.
    """
    try:
        told: Any = json.loads(data)
    except ValueError as error:
        raise NothingToSign("The request is not JSON; save the server's answer and give that file.") from error
    if isinstance(told, dict) and {"statement", "manifest"} <= told.keys():
        request = checked_request(told)
        return request.statement, describe(request.statement, request.manifest)
    statement = str(told["statement"]).encode() if isinstance(told, dict) and "statement" in told else data.strip()
    said = parse_canonical(statement)
    if not isinstance(said, dict) or not str(said.get("type", "")).startswith(_STATEMENTS):
        raise NothingToSign("This is no statement of a disclosure gateway; nothing was signed.")
    return statement, describe(statement, None)


def describe(statement: bytes, manifest: Any) -> list[str]:
    """What a signer should see before signing."""
    said = json.loads(statement)
    lines = [f"{name}: {json.dumps(value, ensure_ascii=False)}" for name, value in sorted(said.items())]
    if manifest is None:
        return lines
    to = manifest["recipient"]
    lines.append(f"recipient: {to['name']} ({to['class']}, hop {to['hop']}), profile {manifest['profile']}")
    lines += [f"policy: {one}" for one in manifest["policy"]["policies"]]
    for file in (*manifest["files"], *manifest["documents"]):
        lines.append(f"  {file['sha256'][:16]}…  {file['size_bytes']:>9} bytes  {file['path']}")
    return lines


def _read(request: str) -> bytes:
    if request == "-":
        return sys.stdin.buffer.read(_LARGEST_REQUEST_BYTES)
    try:
        return Path(request).read_bytes()
    except OSError as error:
        raise Usage("The request file cannot be read; check its path.") from error


def _passphrase() -> str:
    given = os.environ.get(PASSPHRASE_VARIABLE)
    if given:
        return given
    if not sys.stdin.isatty():
        raise Usage(f"The private key is encrypted; set {PASSPHRASE_VARIABLE}.")
    return getpass.getpass("Passphrase of the private key: ")


def _new_passphrase() -> str | None:
    """From the environment; on a terminal asked for twice; elsewhere none, and that is said."""
    given = os.environ.get(PASSPHRASE_VARIABLE)
    if given:
        return given
    if not sys.stdin.isatty():
        note(f"The private key is not encrypted; set {PASSPHRASE_VARIABLE} to encrypt it.")
        return None
    first = getpass.getpass("Passphrase for the new key: ")
    if first != getpass.getpass("Once more: "):
        raise Usage("The two passphrases differ; nothing was written.")
    if not first:
        say("")
        note("The private key is not encrypted.")
    return first or None
