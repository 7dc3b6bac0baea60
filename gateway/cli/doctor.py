"""`doctor`: what this host gives a gateway, and what it lacks."""

from __future__ import annotations

import os
import shutil
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from importlib import metadata
from pathlib import Path
from typing import Annotated

import typer

from gateway import __version__
from gateway.app import Gateway, compose, sandbox
from gateway.base.clock import to_text
from gateway.base.problems import Problem, Unavailable
from gateway.base.units import GIB, MIB
from gateway.cli.client import DEFAULT_URL, Client
from gateway.cli.environment import offline_settings
from gateway.cli.output import AsJson, say, show
from gateway.detect import models
from gateway.detect.problems import DetectorMissing
from gateway.founding import database_in_words
from gateway.marks.lettering import width
from gateway.policy.load import load_library
from gateway.sandbox.ports import Layer
from gateway.settings import Settings, passphrase

_LEAST_FREE_BYTES = 512 * MIB


class SomethingMissing(Unavailable):
    """A required thing is missing on this host."""

    slug = "something-missing"
    title = "The gateway cannot work safely here"


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing looked at: `ok`, `missing` (required and not there) or `absent` (optional and not there)."""

    what: str
    state: str
    detail: str


class NotReady(Unavailable):
    """The server did not answer in time, or lacks something."""

    slug = "not-ready"
    title = "The server is not ready"


def doctor(
    server: Annotated[
        bool, typer.Option("--server", help="Ask the server at GATEWAY_URL whether it is ready.")
    ] = False,
    wait_s: Annotated[float, typer.Option("--wait", help="Seconds to wait for the server.")] = 0,
    as_json: AsJson = False,
) -> None:
    """Look at sandbox layers, keys, store, database, schema, disk, policies and fonts. Exit 5 when one is missing."""
    if server:
        _ask_server(wait_s)
        show({"ok": True}, as_json=as_json, lines=["the server is ready"])
        return
    settings = offline_settings()
    findings = [
        Finding("python", "ok", f"{sys.version.split()[0]}, gateway {__version__}"),
        *_layers(settings),
        _looked("policies", lambda: _policies(settings)),
        _looked("fonts", _fonts),
        _detection(),
        _videos(),
        _drawings(),
        *_folder(settings),
    ]
    told: Mapping[str, object] = {
        "findings": [asdict(one) for one in findings],
        "ok": all(one.state != "missing" for one in findings),
    }
    signs = {"ok": "ok     ", "missing": "MISSING", "absent": "absent "}
    show(told, as_json=as_json, lines=[f"{signs[one.state]}  {one.what}: {one.detail}" for one in findings])
    lacking = [one for one in findings if one.state == "missing"]
    if lacking:
        raise SomethingMissing(f"Missing here: {', '.join(one.what for one in lacking)}. {lacking[0].detail}")


def _ask_server(wait_s: float) -> None:
    until = time.monotonic() + wait_s
    with Client(os.environ.get("GATEWAY_URL", DEFAULT_URL)) as client:
        while not client.ready():
            if time.monotonic() >= until:
                raise NotReady("The server is not ready; see that it runs, and look at its log.")
            time.sleep(0.2)


def version() -> None:
    """Print the version."""
    say(__version__)


def _layers(settings: Settings) -> list[Finding]:
    active = sandbox(settings).layers()
    findings = []
    for layer in Layer:
        required = layer in settings.sandbox_minimum
        state = "ok" if layer in active else "missing" if required else "absent"
        detail = {
            "ok": "stands around every parse",
            "missing": "required, and does not hold on this host: nothing can be rendered",
            "absent": "optional; a further wall where the host has it",
        }[state]
        findings.append(Finding(f"sandbox {layer.value}", state, detail))
    return findings


def _detection() -> Finding:
    try:
        return Finding("detection", "ok", models.version())
    except DetectorMissing as missing:
        return Finding("detection", "absent", f"policies that require it refuse to render: {missing.detail}")


def _videos() -> Finding:
    try:
        return Finding("videos", "ok", f"PyAV {metadata.version('av')}, under the GPL")
    except metadata.PackageNotFoundError:
        return Finding("videos", "absent", "videos are refused; the extra `video` reads and writes them")


def _drawings() -> Finding:
    try:
        return Finding("drawings", "ok", f"ezdxf {metadata.version('ezdxf')}, resvg {metadata.version('resvg_py')}")
    except metadata.PackageNotFoundError:
        return Finding("drawings", "absent", "DXF and SVG are refused; install the gateway with the extra `drawing`")


def _folder(settings: Settings) -> list[Finding]:
    if str(settings.data_dir) == os.devnull:
        return [Finding("data folder", "absent", "GATEWAY_DATA is not set; nothing else was looked at")]
    findings = [_looked("disk", lambda: _disk(settings.data_dir))]
    findings.append(_looked("key file", lambda: _present(settings.key_file, "passphrase, Argon2id")))
    findings.append(_looked("store", lambda: f"folder, ciphertext in {settings.data_dir}"))
    findings.append(_looked("database", lambda: database_in_words(settings)))
    return [*findings, *_deployment(settings)]


def _deployment(settings: Settings) -> list[Finding]:
    try:
        gateway = compose(settings, passphrase)
    except Problem as problem:
        return [Finding("deployment", "missing", problem.detail)]
    return [
        _looked("deployment", lambda: _entries(gateway)),
        _looked("keys", lambda: _keys(gateway)),
        _looked("policies in force", lambda: _in_force(gateway)),
        _looked("clock", lambda: _clock(gateway)),
        _witnesses(gateway),
    ]


def _witnesses(gateway: Gateway) -> Finding:
    """Every witness is asked to cosign the log as it stands."""
    if gateway.cosigning.policy is None:
        return Finding("witnesses", "absent", "nobody outside cosigns the log; GATEWAY_WITNESSES names who does")

    def look() -> str:
        cosigned = gateway.cosigning.checkpoint()
        gateway.cosigning.require(cosigned)
        told = [f"{who}: {why}" for who, why in sorted(cosigned.refusals.items())]
        quorum = "a quorum" if cosigned.met else "no quorum"
        return "; ".join([f"{len(cosigned.keys)} keys cosigned {cosigned.checkpoint.size} entries, {quorum}", *told])

    return _looked("witnesses", look)


def _entries(gateway: Gateway) -> str:
    gateway.log.check_continues()
    people = len(gateway.people.everybody())
    return f"keys open, schema is current, {gateway.log.size()} entries, {people} people"


def _keys(gateway: Gateway) -> str:
    state = gateway.rotation.state()
    if state.rotating:
        raise SomethingMissing("A rotation of keys has not ended; if nobody is at it, run `gateway keys rotate` again.")
    return f"root key {state.roots[-1]}, {sum(state.living.values())} keys live, {state.shredded} destroyed"


def _clock(gateway: Gateway) -> str:
    gateway.log.check_clock()
    return "not behind the log"


def _policies(settings: Settings) -> str:
    library = load_library(settings.policies_dir)
    return f"{len(library.policies)} policies over {len(library.kinds)} kinds, digest {library.digest[:16]}…"


def _in_force(gateway: Gateway) -> str:
    bundle = gateway.policies.require().bundle
    if bundle is None:
        return "those of the folder, signed by nobody; GATEWAY_POLICY_SIGNERS asks for signatures"
    return f"signed bundle {bundle.number}, {bundle.sha256[:16]}…, to {to_text(bundle.not_after)}"


def _fonts() -> str:
    return f"Latin and Chinese letters measure {width('Mark 标记', 24)} px"


def _disk(folder: Path) -> str:
    at = next((one for one in (folder, *folder.parents) if one.exists()), Path("/"))
    free = shutil.disk_usage(at).free
    if free < _LEAST_FREE_BYTES:
        raise SomethingMissing(f"Only {free // MIB} MiB are free where the data folder lies; free some space.")
    return f"{free / GIB:.1f} GiB free"


def _present(path: Path, detail: str) -> str:
    if not path.exists():
        raise SomethingMissing("There is no key file in the data folder; run `gateway init`.")
    return detail


def _looked(what: str, look: Callable[[], str]) -> Finding:
    try:
        return Finding(what, "ok", look())
    except Problem as problem:
        return Finding(what, "missing", problem.detail)
