"""The export folder: what `docs/formats/audit-log.md` describes, for people who trust nobody."""

from __future__ import annotations

import base64
import hashlib
import os
import shutil
from collections.abc import Callable, Sequence
from pathlib import Path

from gateway.audit.model import Export, SignedCheckpoint
from gateway.base.canon import Json, canonical
from gateway.base.problems import Conflict, Unavailable
from gateway.seal.note import vkey_text
from gateway.seal.twin import SigningTwin, public_pem
from gateway.verify import SCRIPT

STAMPS = "stamps.jsonl"
COSIGNATURES, POLICY = "cosignatures.jsonl", "policy"
INDEX_TYPE = "disclosure-gateway/export-index/v1"
SIGNATURE_TYPE = "disclosure-gateway/export-index-signature/v1"

_README = """\
AUDIT LOG EXPORT

This folder holds every entry of one audit log, up to a signed checkpoint. To check it, with nothing but Python 3.9
or later and without a network:

    python3 verify.py . --log-key log.vkey

Do not trust the script and the keys in this folder: take verify.py from the product's documentation or compare its
SHA-256 with the published one, take the log's keys from the company by another way, and give the newest checkpoint
that you kept yourself:

    python3 verify.py . --log-key KEY_YOU_HOLD --checkpoint CHECKPOINT_YOU_KEPT --policy WITNESSES_YOU_TRUST

Only a checkpoint kept outside the company, or witnesses that you trust, show that nothing was cut off or rewritten
since. Keep the file `checkpoint` of this folder for the next time.

entries.jsonl      one entry a line; the line without its line feed is what is hashed (RFC 6962 leaf)
checkpoint         the signed checkpoint over all of them (C2SP tlog-checkpoint)
checkpoints.jsonl  every checkpoint signed earlier, one a line
stamps.jsonl       where there are some: a time-stamping authority's answers (RFC 3161) over earlier checkpoints
cosignatures.jsonl where there are some: lines of witnesses over checkpoints (C2SP tlog-cosignature)
policy             where there is one: which witnesses the company asks (C2SP tlog-policy); bring your own
log.vkey           the log's name and its two public keys, Ed25519 and ML-DSA-44 (C2SP signed-note)
log.pub.pem        the same keys for openssl
index.json         size and SHA-256 of every other file; index.sig is the log's signature over it, by both keys
verify.py          the offline verifier, one file, standard library only
"""


class ExportExists(Conflict):
    """The folder for the export is there already."""

    slug = "export-exists"
    title = "The export folder exists already"


class ExportUnwritable(Unavailable):
    """The folder for the export cannot be written."""

    slug = "export-unwritable"
    title = "The export cannot be written"


def write(
    sink_dir: Path,
    *,
    name: str,
    key: SigningTwin,
    checkpoint: SignedCheckpoint,
    earlier: Sequence[tuple[int, str]],
    stamps: Sequence[tuple[int, bytes]],
    cosigned: Sequence[tuple[int, str]],
    policy: bytes | None,
    copy_entries: Callable[[Callable[[bytes], object]], object],
) -> Export:
    """Write the export beside its place and rename it there: a folder of this name is complete.

    `copy_entries` hands every leaf to its argument, or raises where they do not lead to the checkpoint's root.
    """
    if sink_dir.exists():
        raise ExportExists("The export needs a folder that does not exist yet; name another one.")
    partial = sink_dir.with_name(sink_dir.name + ".partial")
    shutil.rmtree(partial, ignore_errors=True)
    try:
        partial.mkdir(parents=True)
        with (partial / "entries.jsonl").open("wb") as entries:
            copy_entries(lambda leaf: entries.write(leaf + b"\n"))
        lines = [canonical({"size": size, "text": text}) + b"\n" for size, text in earlier]
        _put(partial / "checkpoints.jsonl", b"".join(lines))
        if stamps:
            told: list[Json] = [
                {"size": size, "response": base64.b64encode(answer).decode("ascii")} for size, answer in stamps
            ]
            _put(partial / STAMPS, b"".join(canonical(one) + b"\n" for one in told))
        if cosigned:
            found = [canonical({"size": size, "line": line}) + b"\n" for size, line in cosigned]
            _put(partial / COSIGNATURES, b"".join(found))
        if policy is not None:
            _put(partial / POLICY, policy)
        _put(partial / "checkpoint", checkpoint.text.encode("utf-8"))
        _put(partial / "log.vkey", vkey_text(name, key.public).encode("ascii"))
        _put(partial / "log.pub.pem", public_pem(key.public))
        _put(partial / "verify.py", SCRIPT.read_bytes())
        _put(partial / "README.txt", _README.encode("utf-8"))
        index = _index(partial, name)
        _put(partial / "index.json", index)
        _put(partial / "index.sig", _signed(index, key))
        partial.rename(sink_dir)
    except OSError as error:
        raise ExportUnwritable("The export cannot be written; free disk space or name another folder.") from error
    finally:
        shutil.rmtree(partial, ignore_errors=True)
    return Export(sink_dir, checkpoint)


def _index(folder: Path, name: str) -> bytes:
    """What the log signs of an export: every file that is there by now."""
    files: list[Json] = []
    for path in sorted(folder.iterdir()):
        with path.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
        files.append({"path": path.name, "sha256": digest, "size_bytes": path.stat().st_size})
    return canonical({"type": INDEX_TYPE, "log": name, "files": files})


def _signed(index: bytes, key: SigningTwin) -> bytes:
    signatures = key.sign(index, SIGNATURE_TYPE.encode("ascii"))
    return canonical(
        {
            "type": SIGNATURE_TYPE,
            "signatures": [
                {"alg": algorithm, "key": text, "sig": base64.b64encode(made).decode("ascii")}
                for (algorithm, text), made in zip(key.public.named, signatures, strict=True)
            ],
        }
    )


def _put(path: Path, data: bytes) -> None:
    with path.open("wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
