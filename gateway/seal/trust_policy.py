"""C2SP tlog-policy: which logs, which witnesses, and how many of them have to have cosigned a checkpoint.

    log <vkey> [<url>]
    witness <name> <vkey> [<url>]
    group <name> all|any|<k> <name>…
    quorum <name>|none

1. A file of at most 512 KiB and 1,000 lines; control characters are tab and newline alone.
2. Names are octets, in one space for witnesses and groups, each defined once and before it is used; `none` is taken.
3. One key is listed once as a log and once as a witness, under whatever name.
4. A name is the member of one group at most, so that no witness counts twice.
5. There is exactly one quorum line.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from gateway.base.problems import Usage
from gateway.seal.cosignature import Cosigner, parse_cosigner
from gateway.seal.note import parse_vkey
from gateway.seal.signature import BadKey

_BYTES_MAX, _LINES_MAX = 1 << 19, 1_000
_NO_QUORUM = "none"
_LOG_TYPES = (b"\x01", b"\x06")
_FORBIDDEN = re.compile(rb"[\x00-\x08\x0b-\x1f\x7f]")
_NUMBER = re.compile(r"[1-9][0-9]{0,5}")


class PolicyMalformed(Usage):
    """A text that is no tlog-policy."""

    slug = "witness-policy-malformed"
    title = "This is no usable policy of witnesses"


@dataclass(frozen=True, slots=True)
class Witness:
    """One witness key, as the policy names it, and where it is asked."""

    name: str
    cosigner: Cosigner
    url: str | None = None


@dataclass(frozen=True, slots=True)
class TrustPolicy:
    """Logs as verifier keys, witnesses by name, groups as number and members, and the quorum's name."""

    logs: tuple[str, ...]
    witnesses: tuple[Witness, ...]
    groups: Mapping[str, tuple[int, tuple[str, ...]]]
    quorum: str

    def met(self, cosigned: Collection[Cosigner]) -> bool:
        """Whether these keys are a quorum."""
        witnessed = {one.name for one in self.witnesses if one.cosigner in cosigned}
        # A group names only what stands before it, so one pass in their order decides.
        for name, (needed, members) in self.groups.items():
            if sum(member in witnessed for member in members) >= needed:
                witnessed.add(name)
        return self.quorum == _NO_QUORUM or self.quorum in witnessed


@dataclass(slots=True)
class _Reading:
    """What the lines read so far define."""

    logs: dict[bytes, str] = field(default_factory=dict)
    keys: set[bytes] = field(default_factory=set)
    witnesses: dict[str, Witness] = field(default_factory=dict)
    groups: dict[str, tuple[int, tuple[str, ...]]] = field(default_factory=dict)
    members: set[str] = field(default_factory=set)
    quorum: str | None = None

    def take(self, items: list[str]) -> None:
        match items:
            case ["log", vkey, *url] if len(url) <= 1:
                self._log(vkey)
            case ["witness", name, vkey, *url] if len(url) <= 1:
                self._witness(name, vkey, url)
            case ["group", name, count, *members] if members:
                self._group(name, count, members)
            case ["quorum", name]:
                self._quorum(name)
            case _:
                raise PolicyMalformed("it is not a log, witness, group or quorum line as tlog-policy has them.")

    def _log(self, vkey: str) -> None:
        typed = parse_vkey(vkey)[1]
        if typed[:1] not in _LOG_TYPES:
            raise PolicyMalformed("a log's verifier key is of type 1 (Ed25519) or 6 (ML-DSA-44).")
        if typed[1:] in self.logs:
            raise PolicyMalformed("the same log key is listed twice.")
        self.logs[typed[1:]] = vkey

    def _witness(self, name: str, vkey: str, url: list[str]) -> None:
        self._new(name)
        cosigner = parse_cosigner(vkey)
        if cosigner.typed[1:] in self.keys:
            raise PolicyMalformed("the same witness key is listed twice, and would count twice.")
        self.keys.add(cosigner.typed[1:])
        self.witnesses[name] = Witness(name, cosigner, _address(url[0]) if url else None)

    def _group(self, name: str, count: str, members: list[str]) -> None:
        self._new(name)
        for member in members:
            if member not in self.witnesses and member not in self.groups:
                raise PolicyMalformed("a member of this group is defined on no line before.")
            if member in self.members:
                raise PolicyMalformed("a member of this group is a member already, and would count twice.")
            self.members.add(member)
        needed = {"any": 1, "all": len(members)}.get(count)
        if needed is None and _NUMBER.fullmatch(count):
            needed = int(count)
        if needed is None or needed > len(members):
            raise PolicyMalformed("the number of a group is `all`, `any`, or between 1 and how many members it has.")
        self.groups[name] = (needed, tuple(members))

    def _quorum(self, name: str) -> None:
        if self.quorum is not None:
            raise PolicyMalformed("there is a quorum line already.")
        if name != _NO_QUORUM and name not in self.witnesses and name not in self.groups:
            raise PolicyMalformed("the quorum is defined on no line before.")
        self.quorum = name

    def _new(self, name: str) -> None:
        if name == _NO_QUORUM or name in self.witnesses or name in self.groups:
            raise PolicyMalformed("this name is taken.")


def parse_policy(data: bytes) -> TrustPolicy:
    """The policy in a tlog-policy file, or `PolicyMalformed` saying which line is wrong."""
    lines = data.split(b"\n")
    if len(data) > _BYTES_MAX or len(lines) > _LINES_MAX:
        raise PolicyMalformed("A policy of witnesses has at most 512 KiB and 1,000 lines.")
    reading = _Reading()
    for number, raw in enumerate(lines, 1):
        # Octets above ASCII have no meaning here, and stay as they are.
        items = [item for item in re.split("[ \t]+", raw.decode("utf-8", "surrogateescape")) if item]
        try:
            _check_octets(raw)
            if items and not items[0].startswith("#"):
                reading.take(items)
        except (PolicyMalformed, BadKey) as error:
            raise PolicyMalformed(
                f"Line {number} of the policy of witnesses cannot be taken: {error.detail}"
            ) from error
    if reading.quorum is None:
        raise PolicyMalformed("The policy of witnesses has no quorum line; `quorum none` asks for no witness.")
    return TrustPolicy(tuple(reading.logs.values()), tuple(reading.witnesses.values()), reading.groups, reading.quorum)


def _check_octets(line: bytes) -> None:
    if _FORBIDDEN.search(line):
        raise PolicyMalformed("it has a control character.")


def _address(url: str) -> str:
    """A submission prefix without its last slash."""
    try:
        parts = urlsplit(url)
        usable = parts.scheme in {"http", "https"} and bool(parts.hostname) and parts.port != 0
    except ValueError:
        usable = False
    if not usable or parts.query or parts.fragment or "@" in parts.netloc or not (url.isascii() and url.isprintable()):
        raise PolicyMalformed("the address of a witness is such as https://witness.example.com/prefix.")
    return url.rstrip("/")
