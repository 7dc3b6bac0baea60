"""The witness: what it checks before it cosigns, in the order and with the answers of C2SP tlog-witness.

1. The request has its form (`CosigningMalformed`), and the log is one that the witness was told of (`LogUnknown`).
2. Both keys of the log signed the checkpoint (`NotOfThisLog`).
3. The old size is at most the checkpoint's (`CosigningMalformed`) and what the witness cosigned last (`SizeDiffers`).
4. The proof leads from what it cosigned last to this root (`ProofInvalid`).
5. The checkpoint is stored with its cosignatures in one transaction with steps 3 and 4; only then are they handed out.
"""

from __future__ import annotations

import os
from hashlib import sha256
from pathlib import Path

from gateway.base.clock import Clock
from gateway.base.files import fsync_folder
from gateway.base.problems import Conflict, Forbidden, NotFound, Unavailable
from gateway.seal import merkle
from gateway.seal.add_checkpoint import CosigningMalformed, parse_request
from gateway.seal.cosignature import Cosigner, cosign, cosigners
from gateway.seal.note import Checkpoint, NoteInvalid, open_checkpoint, parse_vkeys, vkey_text
from gateway.seal.succession import Lineage, Named, parse
from gateway.seal.twin import SigningTwin, load_private_pem, private_pem
from gateway.witness.store import Seen, Store

KEY_FILE, NAME_FILE, DATABASE = "witness.key", "name", "witness.db"


class WitnessExists(Conflict):
    """The folder holds a witness already, or something of one."""

    slug = "witness-exists"
    title = "There is a witness in this folder"


class NoWitness(Unavailable):
    """The folder holds no witness."""

    slug = "no-witness"
    title = "There is no witness in this folder"


class LogUnknown(NotFound):
    """A checkpoint of a log that this witness was not told of."""

    slug = "witness-log-unknown"
    title = "This witness does not know the log"


class LogKnownOtherwise(Conflict):
    """The log is known by other keys, and these were not named by them."""

    slug = "witness-log-known-otherwise"
    title = "This witness knows the log by other keys"


class NotOfThisLog(Forbidden):
    """A checkpoint that the log's keys did not sign."""

    slug = "witness-not-of-this-log"
    title = "The log did not sign this checkpoint"


class SizeDiffers(Conflict):
    """The witness cosigned another size last; `size` says which."""

    slug = "witness-size-differs"
    title = "The witness cosigned another size last"


class Witness:
    """One witness in one folder: its key, its name, and what it cosigned last of each log."""

    def __init__(self, folder: Path, passphrase: str, clock: Clock) -> None:
        try:
            self._key = load_private_pem((folder / KEY_FILE).read_bytes(), passphrase)
            self.name = (folder / NAME_FILE).read_text("ascii").strip()
        except (OSError, UnicodeDecodeError) as error:
            raise NoWitness("The folder holds no witness; make one with `gateway witness init`.") from error
        self.store = Store(folder / DATABASE)
        self._clock = clock

    @property
    def keys(self) -> tuple[Cosigner, Cosigner]:
        """Its two keys, as they stand in a policy of witnesses."""
        return cosigners(self.name, self._key.public)

    def trust(self, text: str) -> str:
        """Cosign for this log from now on; its name. Raises `BadKey` or `LogKnownOtherwise`.

        `text` is its two verifier keys, and behind them the lines of `succession.jsonl` where its keys were changed: a
        log that is known by older ones is known by these from then on, if the older ones say so.
        """
        lines = text.splitlines()
        name, key = parse_vkeys("\n".join(line for line in lines if not line.startswith("{")))
        changes = [parse(line.encode()) for line in lines if line.startswith("{")]
        if not self.store.trust(name, vkey_text(name, key)):
            eras = Lineage.of(changes[0].before, changes) if changes else None
            self.store.follow(name, lambda seen: _followed(seen, Named(name, key), eras))
        return name

    def add_checkpoint(self, data: bytes) -> str:
        """The two cosignature lines for this request, after all steps of the module."""
        asked = parse_request(data)
        seen = self.store.find(asked.origin)
        if seen is None:
            raise LogUnknown("This witness was not told of the log; `gateway witness trust` takes its keys.")
        name, key = parse_vkeys(seen.vkeys)
        try:
            checkpoint = open_checkpoint(asked.checkpoint, name, key)
        except NoteInvalid as error:
            raise NotOfThisLog(error.detail) from error
        if asked.old > checkpoint.size:
            raise CosigningMalformed("The old size is above the size of the checkpoint.")
        lines = ""

        def decide(now: Seen) -> Seen:
            nonlocal lines
            _check_continues(now, asked.old, asked.proof, checkpoint)
            lines = cosign(checkpoint, self.name, self._key, int(self._clock.now().timestamp()))
            return Seen(name, now.vkeys, checkpoint.size, checkpoint.root, _own_lines(asked.checkpoint) + lines)

        self.store.replace(name, decide)
        return lines

    def newest(self, origin_hash: str) -> str:
        """The newest checkpoint of the log whose origin has this SHA-256, cosigned; or `LogUnknown`."""
        for seen in self.store.logs():
            if sha256(seen.origin.encode("ascii")).hexdigest() == origin_hash and seen.note is not None:
                return seen.note
        raise LogUnknown("This witness has cosigned no checkpoint of such a log.")


def create(folder: Path, name: str, passphrase: str) -> None:
    """Make a new witness in a new folder; a folder that has anything is refused."""
    key = SigningTwin.generate()
    cosigners(name, key.public)
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        if any(folder.iterdir()):
            raise WitnessExists("The folder of a new witness must be empty; name another one.")
        Store(folder / DATABASE).create()
        _write_new(folder / NAME_FILE, f"{name}\n".encode("ascii"))
        # The key comes last: a folder with one is whole.
        _write_new(folder / KEY_FILE, private_pem(key, passphrase))
        fsync_folder(folder)
    except OSError as error:
        raise NoWitness("The witness's folder cannot be written; name a folder that is yours.") from error


def _followed(seen: Seen, newest: Named, eras: Lineage | None) -> str:
    """The keys that follow those by which a log is known; `LogKnownOtherwise` unless these led to them."""
    known = [vkey_text(era.log.name, era.log.key) for era in eras.eras] if eras else []
    if eras is None or eras.newest != newest or seen.vkeys not in known:
        raise LogKnownOtherwise(
            "The witness knows this log by other keys and keeps to them, unless they signed the change: give the lines "
            "of succession.jsonl behind the new keys."
        )
    later = [era.after for era in eras.eras[known.index(seen.vkeys) + 1 :]]
    if later and seen.size > later[0]:
        raise LogKnownOtherwise(
            f"The witness cosigned {seen.size} entries under keys that were replaced after {later[0]}: somebody signed "
            "another log with them, and the witness follows neither."
        )
    return vkey_text(newest.name, newest.key)


def _check_continues(seen: Seen, old: int, proof: tuple[bytes, ...], checkpoint: Checkpoint) -> None:
    if old != seen.size:
        raise SizeDiffers(f"The witness cosigned {seen.size} entries last, not {old}.", size=seen.size)
    merkle.check_consistency(old, checkpoint.size, seen.root or merkle.EMPTY_ROOT, checkpoint.root, proof)
    if checkpoint.size == 0 and checkpoint.root != merkle.EMPTY_ROOT:
        raise merkle.ProofInvalid("A checkpoint over no entries has the root of no entries.")


def _own_lines(note: str) -> str:
    """The checkpoint with the log's own two lines, whatever else came with it."""
    return "".join(line + "\n" for line in note.split("\n")[:6])


def _write_new(path: Path, data: bytes) -> None:
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
