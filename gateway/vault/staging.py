"""Staged parts: encrypted pieces of bytes that are still arriving, until they are kept as one object or run out.

Every part is an object of its own: own key, own salt, durable before its row. An interrupted upload goes on with the
next part, so no segment is ever sealed twice under one key and nonce, whatever the sender sends after the interruption.
A part's key and facts lie sealed under the matter's record key, in a table that is bookkeeping.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from gateway.base.canon import canonical
from gateway.keys.service import Keyring
from gateway.vault.service import Keeping, Opened, Vault
from gateway.vault.tables import StagedPartRow

_ROLE = "staged_part"


@dataclass(frozen=True, slots=True)
class Part:
    """What opens one staged part."""

    matter: str
    object_id: str
    blob_name: str
    plaintext_bytes: int
    key: bytes = field(repr=False)


class Staging:
    """Keeps, opens and forgets the parts of uploads; every change rides in the caller's unit of work."""

    def __init__(self, keyring: Keyring, vault: Vault) -> None:
        self._keyring = keyring
        self._vault = vault

    def begin(self, matter: str) -> Keeping:
        """Start a part: write to it, `finish` it, then `record` it."""
        return self._vault.begin(matter=matter, role=_ROLE)

    def record(self, session: Session, keeping: Keeping, *, upload: str, number: int) -> None:
        """Write the row of a finished part. A number that is taken is an `AlreadyThere` at the end of the unit."""
        facts = canonical(
            {
                "object": keeping.object_id,
                "blob": keeping.blob_name,
                "plaintext_bytes": keeping.plaintext_bytes,
                "key": base64.b64encode(keeping.key).decode("ascii"),
            }
        )
        sealed = self._keyring.seal_bytes(session, owner=keeping.matter, context=_context(upload, number), data=facts)
        session.add(StagedPartRow(upload=upload, number=number, blob_name=keeping.blob_name, sealed=sealed))
        session.flush()
        keeping.recorded = True

    def parts(self, session: Session, *, upload: str, matter: str) -> Iterator[Part]:
        """The parts of an upload in their order."""
        rows = session.scalars(
            select(StagedPartRow).where(StagedPartRow.upload == upload).order_by(StagedPartRow.number)
        )
        for row in rows.all():
            told = json.loads(
                self._keyring.open_bytes(session, owner=matter, context=_context(upload, row.number), sealed=row.sealed)
            )
            yield Part(matter, told["object"], told["blob"], told["plaintext_bytes"], base64.b64decode(told["key"]))

    def open(self, part: Part) -> Opened:
        """Open a part for reading, for the caller to close; works after the unit of work has ended."""
        return self._vault.open_with(
            part.key,
            object_id=part.object_id,
            matter=part.matter,
            role=_ROLE,
            blob_name=part.blob_name,
            plaintext_bytes=part.plaintext_bytes,
        )

    @staticmethod
    def forget(session: Session, upload: str) -> tuple[str, ...]:
        """Delete the rows of an upload's parts; the names of their blobs, to be removed after the commit."""
        names = session.scalars(select(StagedPartRow.blob_name).where(StagedPartRow.upload == upload)).all()
        session.execute(delete(StagedPartRow).where(StagedPartRow.upload == upload))
        return tuple(names)

    def remove(self, blob_names: Iterable[str]) -> None:
        """Remove the blobs of forgotten parts."""
        self._vault.remove_blobs(blob_names)


def _context(upload: str, number: int) -> str:
    return f"staged/{upload}/{number}"
