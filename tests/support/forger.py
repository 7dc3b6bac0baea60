"""Whoever holds the log's key and makes exports of their own with it."""

from __future__ import annotations

import shutil
from pathlib import Path

from gateway.audit.export import _index, _put_tile, _signed
from gateway.audit.service import Log
from gateway.base.canon import canonical
from gateway.keys.twins import Signer, signing_twin
from gateway.seal import merkle
from gateway.seal.note import Checkpoint, sign_checkpoint
from gateway.seal.tiles import Tiling
from gateway.verify import Report


def differences(report: Report) -> str:
    """What a report that fails names."""
    assert report.exit_code == 1, report
    assert report.sentence().startswith("NOT verified")
    return "\n".join(f"{step.title}: {step.detail}" for step in report.steps if step.state == "failed")


def leaves_of(export: Path) -> list[bytes]:
    """The entries of an export."""
    return (export / "entries.jsonl").read_bytes().splitlines()


def put_tiles(export: Path, leaves: list[bytes]) -> None:
    """The tiles of these entries, and no other."""
    shutil.rmtree(export / "tile", ignore_errors=True)
    tiling = Tiling(lambda path, data: _put_tile(export / path, data))
    for leaf in leaves:
        tiling.append(merkle.leaf_hash(leaf))
    tiling.close()


class Forger:
    """Rewrites an export so that everything in it fits together."""

    def __init__(self, export: Path, log: Log) -> None:
        self.export = export
        self.name = log.name
        with log._units.read() as session:
            self.key = signing_twin(log._keyring, session, Signer.LOG)

    def write(self, leaves: list[bytes], sizes: list[int]) -> None:
        """Put these entries in, under checkpoints of these sizes, and take out what no longer fits."""
        for name in ("cosignatures.jsonl", "stamps.jsonl", "entries.csv"):
            (self.export / name).unlink(missing_ok=True)
        texts = [self.sign(size, merkle.root(leaves[:size])) for size in sizes]
        (self.export / "entries.jsonl").write_bytes(b"".join(leaf + b"\n" for leaf in leaves))
        (self.export / "checkpoint").write_text(texts[-1], encoding="utf-8")
        lines = [canonical({"size": n, "text": text}) + b"\n" for n, text in zip(sizes[:-1], texts, strict=False)]
        (self.export / "checkpoints.jsonl").write_bytes(b"".join(lines))
        put_tiles(self.export, leaves)
        self.index()

    def sign(self, size: int, root: bytes, origin: str | None = None) -> str:
        """A checkpoint."""
        return sign_checkpoint(Checkpoint(origin or self.name, size, root), self.key)

    def index(self) -> None:
        """Sign an index of what is there now."""
        for name in ("index.json", "index.sig"):
            (self.export / name).unlink()
        index = _index(self.export, self.name)
        (self.export / "index.json").write_bytes(index)
        (self.export / "index.sig").write_bytes(_signed(index, self.key))
