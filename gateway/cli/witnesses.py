"""`witness`: the process that cosigns for other people's gateways, with its own folder, key and database."""

from __future__ import annotations

import logging
import os
import sys
from pathlib import Path
from typing import Annotated

import typer
import uvicorn

from gateway.base.clock import SystemClock
from gateway.base.problems import Usage
from gateway.cli.listening import listening
from gateway.cli.output import AsJson, note, say, show
from gateway.settings import PassphraseMissing, Settings
from gateway.witness.asgi import Application
from gateway.witness.service import Witness, create

app = typer.Typer(help="A witness: cosigns logs of gateways that only grow.", no_args_is_help=True)

PASSPHRASE_FILE, PASSPHRASE = "GATEWAY_WITNESS_PASSPHRASE_FILE", "GATEWAY_WITNESS_PASSPHRASE"
_PORT = 8471
_AT_ONCE = 64

Folder = Annotated[Path, typer.Option("--folder", help="The witness's own folder.")]


@app.command("init")
def init(
    folder: Folder,
    name: Annotated[str, typer.Option("--name", help="Its name, such as witness.example.com/w1; kept for ever.")],
) -> None:
    """Make a witness in an empty folder: its two keys under GATEWAY_WITNESS_PASSPHRASE_FILE, and its database."""
    create(folder, name, _passphrase())
    note("The witness is made. Next: `gateway witness trust` with the keys of a log, then `gateway witness serve`.")


@app.command("trust")
def trust(
    folder: Folder,
    log_key: Annotated[Path, typer.Argument(help="The log's two verifier keys (log.vkey), got by a safe way.")],
) -> None:
    """Cosign for this log from now on. Its keys are replaced only by such as they named (lines of succession.jsonl)."""
    say(_witness(folder).trust(_text(log_key)))


@app.command("keys")
def keys(
    folder: Folder,
    url: Annotated[str | None, typer.Option("--url", help="Where gateways reach it.")] = None,
    as_json: AsJson = False,
) -> None:
    """Print the lines for a policy of witnesses (C2SP tlog-policy): both keys of this witness count as one."""
    witness = _witness(folder)
    names = [f"{witness.name}/ed25519", f"{witness.name}/ml-dsa-44"]
    vkeys = [key.vkey for key in witness.keys]
    lines = [
        " ".join(("witness", name, vkey, *([url] if url else []))) for name, vkey in zip(names, vkeys, strict=True)
    ]
    lines.append(f"group {witness.name} all {' '.join(names)}")
    told = {"name": witness.name, "vkeys": vkeys, "logs": [(one.origin, one.size) for one in witness.store.logs()]}
    show(told, as_json=as_json, lines=lines)


@app.command("courier")
def courier(
    folder: Folder,
    file: Annotated[Path, typer.Argument(help="A request that `gateway audit courier request` wrote.")],
    out: Annotated[Path, typer.Option("--out", "-o", help="Where the cosignatures go; must not exist.")],
) -> None:
    """Cosign a request that came by hand, for gateways and witnesses without a line between them."""
    lines = _witness(folder).add_checkpoint(_read(file))
    try:
        with out.open("x", encoding="utf-8", newline="\n") as sink:
            sink.write(lines)
    except OSError as error:
        raise Usage("The cosignatures cannot be written; name a file that does not exist yet.") from error


@app.command("serve")
def serve(
    folder: Folder,
    host: Annotated[str, typer.Option("--host", help="Where to listen.")] = "127.0.0.1",
    port: Annotated[int, typer.Option("--port", help="Where to listen.")] = _PORT,
    certificate: Annotated[Path | None, typer.Option("--tls-certificate", help="PEM; beyond this machine.")] = None,
    key: Annotated[Path | None, typer.Option("--tls-key", help="PEM; beyond this machine.")] = None,
    proxy: Annotated[str | None, typer.Option("--trusted-proxy", help="… or the proxy that ends TLS.")] = None,
) -> None:
    """Serve C2SP tlog-witness. Refuses to listen unprotected beyond this machine."""
    logging.basicConfig(stream=sys.stderr, level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    where = Settings(folder, host=host, port=port, tls_certificate=certificate, tls_key=key, trusted_proxy=proxy)
    where.check_serving()
    witness = _witness(folder)
    server = uvicorn.Server(
        uvicorn.Config(
            Application(witness),
            lifespan="off",
            log_config=None,
            access_log=False,
            server_header=False,
            limit_concurrency=_AT_ONCE,
            timeout_keep_alive=5,
            ssl_certfile=certificate,
            ssl_keyfile=key,
        )
    )
    with listening(where) as listener:
        note(f"witness {witness.name} on {'https' if certificate else 'http'}://{host}:{port}")
        server.run(sockets=[listener])


def _witness(folder: Path) -> Witness:
    return Witness(folder, _passphrase(), SystemClock())


def _passphrase() -> str:
    path = os.environ.get(PASSPHRASE_FILE)
    if path is not None:
        try:
            text = Path(path).read_text("utf-8").rstrip("\r\n")
        except (OSError, UnicodeDecodeError) as error:
            raise PassphraseMissing(f"The passphrase file cannot be read; check {PASSPHRASE_FILE}.") from error
    else:
        text = os.environ.get(PASSPHRASE, "")
    if not text:
        raise PassphraseMissing(f"Set {PASSPHRASE_FILE} (or {PASSPHRASE}) to open the witness's key.")
    return text


def _text(path: Path) -> str:
    try:
        return _read(path).decode("utf-8")
    except UnicodeDecodeError as error:
        raise Usage("The file with the log's keys is not text.") from error


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise Usage("The file cannot be read; check its path.") from error
