"""Changes of a log's keys, and of its name: each a statement that the old keys and the new ones sign.

    {"type": "disclosure-gateway/log-succession/v1", "log": {"name", "keys"}, "next": {"name", "keys"},
     "size": n, "root": hex, "known": base64 or null, "at": time}

1. `log` signed checkpoints over at most `n` entries, those under `root`; `next` signs every larger one.
2. Under one name the keys were changed, and `known` is null. Under another the log was put back and declared so:
   `known` is the newest checkpoint that `log` is known to have signed; what it had from entry `n` on is not in `next`.
3. Four signatures over the canonical bytes, all needed: `log`'s Ed25519 and ML-DSA-44, then `next`'s. The old keys say
   who follows them, the new ones that they are at hand.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from gateway.base.canon import Json, canonical, parse_canonical
from gateway.base.problems import CheckFailed, Usage
from gateway.seal import mldsa, signature
from gateway.seal.merkle import HASH_BYTES
from gateway.seal.note import Checkpoint, NoteInvalid, b64, open_checkpoint, unb64
from gateway.seal.signature import SignatureInvalid
from gateway.seal.twin import PublicTwin, Signatures, SigningTwin

TYPE = "disclosure-gateway/log-succession/v1"
_CONTEXT = TYPE.encode("ascii")
_FIELDS = frozenset({"type", "log", "next", "size", "root", "known", "at"})


class SuccessionInvalid(CheckFailed):
    """A statement that does not show that one log's keys follow another's."""

    slug = "log-succession-invalid"
    title = "The change of the log's keys does not hold"


@dataclass(frozen=True, slots=True)
class Named:
    """A log by its name and both keys."""

    name: str
    key: PublicTwin

    def told(self) -> dict[str, Json]:
        """As it stands in a statement."""
        return {"name": self.name, "keys": list(self.key.texts)}


@dataclass(frozen=True, slots=True)
class Succession:
    """What a statement says; `known` is a signed checkpoint's text."""

    before: Named
    after: Named
    size: int
    root: bytes
    at: str
    known: str | None = None

    @property
    def statement(self) -> dict[str, Json]:
        """What is signed."""
        return {
            "type": TYPE,
            "log": self.before.told(),
            "next": self.after.told(),
            "size": self.size,
            "root": self.root.hex(),
            "known": None if self.known is None else b64(self.known.encode("utf-8")),
            "at": self.at,
        }

    def signed(self, old: SigningTwin, new: SigningTwin) -> dict[str, Json]:
        """Statement and signatures, as they stand in the log's entry and in a line of `succession.jsonl`."""
        message = canonical(self.statement)
        made = (*old.sign(message, _CONTEXT), *new.sign(message, _CONTEXT))
        return {"statement": self.statement, "signatures": [b64(one) for one in made]}


@dataclass(frozen=True, slots=True)
class Era:
    """Who signs checkpoints over more than `after` entries, and what of the log before is `known` and given up."""

    log: Named
    after: int = 0
    known: str | None = None


@dataclass(frozen=True, slots=True)
class Lineage:
    """A log with those it follows, oldest first; never empty."""

    eras: tuple[Era, ...]

    @classmethod
    def of(cls, origin: Named, changes: Iterable[Succession]) -> Lineage:
        """`origin` and what followed it; `SuccessionInvalid` unless each change begins where the one before ended."""
        eras = [Era(origin)]
        for change in changes:
            if change.before != eras[-1].log or change.size <= eras[-1].after:
                raise SuccessionInvalid("A change of the log's keys does not follow the one before it.")
            eras.append(Era(change.after, change.size, change.known))
        return cls(tuple(eras))

    @property
    def newest(self) -> Named:
        """Who signs now."""
        return self.eras[-1].log

    def at(self, size: int) -> Named:
        """Who signs a checkpoint over so many entries."""
        return next(era.log for era in reversed(self.eras) if era.after < size or era.after == 0)

    def open(self, text: str) -> Checkpoint:
        """The checkpoint in `text`, or `NoteInvalid` unless whoever signs over so many entries signed it."""
        lines = text.split("\n", 2)
        told = lines[1] if len(lines) > 1 else ""
        size = int(told) if told.isascii() and told.isdecimal() and len(told) <= 16 else 0
        log = self.at(size)
        return open_checkpoint(text, log.name, log.key)

    def given_up(self, text: str) -> bool:
        """Whether this is the checkpoint of an earlier log that a declared restore named and gave up."""
        return any(era.known == text for era in self.eras)


def line(facts: Mapping[str, Json]) -> bytes:
    """Statement and signatures out of an entry's facts, in canonical form."""
    return canonical({name: facts[name] for name in ("statement", "signatures")})


def parse(data: bytes) -> Succession:
    """What a line of `succession.jsonl`, or an entry's facts in canonical form, say; or `SuccessionInvalid`."""
    try:
        told = parse_canonical(data)
        return check(told)
    except Usage as error:
        raise SuccessionInvalid("A change of the log's keys is not written as documented.") from error


def check(told: Any) -> Succession:
    """What `Succession.signed` gave, or `SuccessionInvalid` unless it has its form and all four signatures hold."""
    if not isinstance(told, Mapping) or told.keys() != {"statement", "signatures"}:
        raise SuccessionInvalid("A change of the log's keys is a statement with its signatures.")
    said = read(told["statement"])
    made = [unb64(one) if isinstance(one, str) else None for one in told["signatures"]]
    if len(made) != 4 or None in made or said.statement != told["statement"]:
        raise SuccessionInvalid("A change of the log's keys needs four signatures: two old keys, two new ones.")
    message, whole = canonical(said.statement), [one or b"" for one in made]
    for place, (whose, log) in enumerate((("old", said.before), ("new", said.after))):
        try:
            log.key.verify(Signatures(*whole[2 * place : 2 * place + 2]), message, _CONTEXT)
        except SignatureInvalid as error:
            raise SuccessionInvalid(f"The {whose} keys did not sign this change of the log's keys.") from error
    _check_known(said)
    return said


def read(statement: Any) -> Succession:
    """What a statement says, whoever signed it; `SuccessionInvalid` unless it has its form."""
    if not isinstance(statement, Mapping) or statement.keys() != _FIELDS or statement["type"] != TYPE:
        raise SuccessionInvalid("This is no statement of a change of the log's keys.")
    known, size = statement["known"], statement["size"]
    text = None if known is None else unb64(str(known))
    try:
        root = bytes.fromhex(statement["root"])
        named = [_named(statement[side]) for side in ("log", "next")]
        told = None if text is None else text.decode("utf-8")
    except (TypeError, ValueError, KeyError, Usage) as error:
        raise SuccessionInvalid("The statement of a change of the log's keys is not as documented.") from error
    whole = type(size) is int and size > 0 and len(root) == HASH_BYTES and isinstance(statement["at"], str)
    if not whole or (known is not None and told is None) or named[0].key == named[1].key:
        raise SuccessionInvalid("The statement of a change of the log's keys is not as documented.")
    return Succession(named[0], named[1], size, root, statement["at"], told)


def _named(told: Mapping[str, Any]) -> Named:
    texts: Sequence[str] = told["keys"]
    if told.keys() != {"name", "keys"} or len(texts) != len(("Ed25519", "ML-DSA-44")):
        raise ValueError("not a log")
    return Named(str(told["name"]), PublicTwin(signature.from_text(texts[0]), mldsa.from_text(texts[1])))


def _check_known(said: Succession) -> None:
    """Another name needs the checkpoint that is given up, by the old log and over more entries; no other has one."""
    if (said.before.name == said.after.name) != (said.known is None):
        raise SuccessionInvalid("A log under another name names the checkpoint that it gives up, and no other does.")
    if said.known is not None:
        try:
            given_up = open_checkpoint(said.known, said.before.name, said.before.key)
        except NoteInvalid as error:
            raise SuccessionInvalid("The checkpoint that is given up was not signed by the earlier log.") from error
        if given_up.size <= said.size:
            raise SuccessionInvalid("The checkpoint that is given up is over no entry that is missing.")
