"""The export folder: what `docs/formats/audit-log.md` describes, for people who trust nobody."""

from __future__ import annotations

import base64
import hashlib
import os
import shutil
from collections.abc import Callable, Collection, Sequence
from pathlib import Path

from gateway.audit.model import Export, SignedCheckpoint
from gateway.audit.views import Viewing
from gateway.base.canon import Json, canonical
from gateway.base.problems import Conflict, Unavailable
from gateway.seal.note import vkey_text
from gateway.seal.tiles import Tiling
from gateway.seal.twin import SigningTwin, public_pem
from gateway.verify import SCRIPT

STAMPS = "stamps.jsonl"
SUCCESSION = "succession.jsonl"
COSIGNATURES, POLICY = "cosignatures.jsonl", "policy"
INDEX_TYPE = "disclosure-gateway/export-index/v1"
SIGNATURE_TYPE = "disclosure-gateway/export-index-signature/v1"

MAP_KEY_TYPE = "disclosure-gateway/matter-map-key/v1"

WHOLE_README = """\
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
tile/              the hashes of the tree over the entries, 256 to a file (C2SP tlog-tiles)
matters.json       (where matters were mapped) the key with which the logged maps of all matters are made again
stamps.jsonl       where there are some: a time-stamping authority's answers (RFC 3161) over earlier checkpoints
cosignatures.jsonl where there are some: lines of witnesses over checkpoints (C2SP tlog-cosignature)
policy             where there is one: which witnesses the company asks (C2SP tlog-policy); bring your own
log.vkey           the log's name and its two public keys, Ed25519 and ML-DSA-44 (C2SP signed-note)
succession.jsonl   where the log's keys were changed: each change, signed by the old keys and the new ones
log.pub.pem        the same keys for openssl
index.json         size and SHA-256 of every other file; index.sig is the log's signature over it, by both keys
entries.csv …      (where asked for) the same entries for other programs, each with the hash of its leaf
verify.py          the offline verifier, one file, standard library only
"""

EXTRACT_README = """\
EXTRACT OF AN AUDIT LOG

This folder holds SOME entries of one audit log, each with the proof that it is in the log up to a signed checkpoint.
What was asked for stands in extract.json. Where that is all of one matter, the folder also proves that no entry of this
matter is missing up to the checkpoint, or that the matter has none. Otherwise nothing shows that it holds every entry
that was asked for. To check it, with nothing but Python 3.9 or later and without a network:

    python3 verify.py . --log-key KEY_YOU_HOLD

Do not trust the script and the keys in this folder: take verify.py from the product's documentation or compare its
SHA-256 with the published one, and take the log's keys from the company by another way. Keep the file `checkpoint`: who
kept one can ask for the next extract to continue it (--checkpoint).

entries.jsonl      one entry a line; the line without its line feed is what is hashed (RFC 6962 leaf)
proofs.jsonl       for each of them its index in the log and its inclusion proof (RFC 6962)
extract.json       what was asked for, the entry that recorded this extract, and what proves a matter complete
checkpoint         the signed checkpoint (C2SP tlog-checkpoint)
log.vkey           the log's name and its two public keys, Ed25519 and ML-DSA-44 (C2SP signed-note)
succession.jsonl   where the log's keys were changed: each change, signed by the old keys and the new ones
log.pub.pem        the same keys for openssl
index.json         size and SHA-256 of every other file; index.sig is the log's signature over it, by both keys
entries.csv …      (where asked for) the same entries for other programs, each with the hash of its leaf
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
    readme: str,
    fill: Callable[[Path], object],
) -> Export:
    """Write the export beside its place and rename it there: a folder of this name is complete.

    `fill` puts the entries and what belongs to them into the folder, or raises where they do not lead to the
    checkpoint's root.
    """
    if sink_dir.exists():
        raise ExportExists("The export needs a folder that does not exist yet; name another one.")
    partial = sink_dir.with_name(sink_dir.name + ".partial")
    shutil.rmtree(partial, ignore_errors=True)
    try:
        partial.mkdir(parents=True)
        fill(partial)
        put(partial / "checkpoint", checkpoint.text.encode("utf-8"))
        put(partial / "log.vkey", vkey_text(name, key.public).encode("ascii"))
        put(partial / "log.pub.pem", public_pem(key.public))
        put(partial / "verify.py", SCRIPT.read_bytes())
        put(partial / "README.txt", readme.encode("utf-8"))
        index = _index(partial, name)
        put(partial / "index.json", index)
        put(partial / "index.sig", _signed(index, key))
        partial.rename(sink_dir)
    except OSError as error:
        raise ExportUnwritable("The export cannot be written; free disk space or name another folder.") from error
    finally:
        shutil.rmtree(partial, ignore_errors=True)
    return Export(sink_dir, checkpoint)


def fill_whole(
    folder: Path,
    *,
    origin: str,
    views: Collection[str],
    earlier: Sequence[tuple[int, str]],
    stamps: Sequence[tuple[int, bytes]],
    cosigned: Sequence[tuple[int, str]],
    policy: bytes | None,
    map_key: bytes | None,
    succession: Sequence[bytes],
    copy_entries: Callable[[Callable[[bytes, bytes], object]], object],
) -> None:
    """Put the whole log into `folder`: `copy_entries` hands every leaf and its hash to its argument."""
    tiling = Tiling(lambda path, data: _put_tile(folder / path, data))
    with Viewing(folder, views, origin) as viewing, (folder / "entries.jsonl").open("wb") as entries:

        def take(leaf: bytes, hashed: bytes) -> None:
            entries.write(leaf + b"\n")
            tiling.append(hashed)
            viewing.take(viewing.count, leaf)

        copy_entries(take)
    tiling.close()
    lines = [canonical({"size": size, "text": text}) + b"\n" for size, text in earlier]
    put(folder / "checkpoints.jsonl", b"".join(lines))
    put_succession(folder, succession)
    if stamps:
        told: list[Json] = [{"size": size, "response": _b64(answer)} for size, answer in stamps]
        put(folder / STAMPS, b"".join(canonical(one) + b"\n" for one in told))
    if cosigned:
        put(folder / COSIGNATURES, b"".join(canonical({"size": n, "line": one}) + b"\n" for n, one in cosigned))
    if policy is not None:
        put(folder / POLICY, policy)
    if map_key is not None:
        put(folder / "matters.json", canonical({"type": MAP_KEY_TYPE, "key": _b64(map_key)}))


def put_succession(folder: Path, lines: Sequence[bytes]) -> None:
    """Put the changes of the log's keys into `folder`, where there were any."""
    if lines:
        put(folder / SUCCESSION, b"".join(line + b"\n" for line in lines))


def _index(folder: Path, name: str) -> bytes:
    """What the log signs of an export: every file that is there by now."""
    files: list[Json] = []
    found = {path.relative_to(folder).as_posix(): path for path in folder.rglob("*") if path.is_file()}
    for place, path in sorted(found.items()):
        with path.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
        files.append({"path": place, "sha256": digest, "size_bytes": path.stat().st_size})
    return canonical({"type": INDEX_TYPE, "log": name, "files": files})


def _signed(index: bytes, key: SigningTwin) -> bytes:
    signatures = key.sign(index, SIGNATURE_TYPE.encode("ascii"))
    return canonical(
        {
            "type": SIGNATURE_TYPE,
            "signatures": [
                {"alg": algorithm, "key": text, "sig": _b64(made)}
                for (algorithm, text), made in zip(key.public.named, signatures, strict=True)
            ],
        }
    )


def put(path: Path, data: bytes) -> None:
    """Write one file durably."""
    with path.open("wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())


def _put_tile(path: Path, data: bytes) -> None:
    # Thousands of small files: the folder's rename says that they are there, their index what they are.
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)


def _b64(data: bytes) -> str:
    return base64.b64encode(data).decode("ascii")
