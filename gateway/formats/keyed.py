"""Keyed functions of one release: pseudonyms by HMAC-SHA256 (RFC 2104), row order by AES-256-CTR (SP 800-38A).

Keys: `K_field = HMAC(secret, "field:" ‖ name)`, narrowed to one table by `HMAC(K_field, "table:" ‖ digest)` and to one
row by `HMAC(…, "row:" ‖ index)`. Whoever lacks the release's secret learns from a pseudonym neither the value nor
whether another release shows the same one.
"""

from __future__ import annotations

import base64
import hashlib
import unicodedata
from collections import Counter
from collections.abc import Hashable, Iterable, Mapping
from itertools import count
from typing import TypeVar

import numpy as np
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from numpy.typing import NDArray

from gateway.formats.transforms import uncovered

_BLOCK_BYTES = 64
_CROCKFORD = bytes.maketrans(b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567", b"0123456789ABCDEFGHJKMNPQRSTVWXYZ")
PSEUDONYM_CHARS = 8
LONG_PSEUDONYM_CHARS = 16

Key = TypeVar("Key", bound=Hashable)


class Prf:
    """HMAC-SHA256 under one key, with the padded key hashed once: some five times faster per short message."""

    def __init__(self, key: bytes) -> None:
        if len(key) > _BLOCK_BYTES:
            raise ValueError("keys here are at most one block long")
        padded = key.ljust(_BLOCK_BYTES, b"\0")
        self._inner = hashlib.sha256(bytes(byte ^ 0x36 for byte in padded))
        self._outer = hashlib.sha256(bytes(byte ^ 0x5C for byte in padded))

    def __call__(self, message: bytes) -> bytes:
        """The 32-byte code of `message`."""
        inner, outer = self._inner.copy(), self._outer.copy()
        inner.update(message)
        outer.update(inner.digest())
        return outer.digest()

    def narrowed(self, label: str, to: bytes) -> Prf:
        """The function under the key `HMAC(key, label ‖ ":" ‖ to)`."""
        return Prf(self(label.encode() + b":" + to))


def normalised(value: str) -> str:
    """What makes two spellings one: NFC, no hidden characters, single spaces, trimmed, case folded."""
    if not value.isascii():
        value = uncovered(unicodedata.normalize("NFC", value))
    folded = " ".join(value.split()).casefold()
    return folded if folded.isascii() else unicodedata.normalize("NFC", folded)


def crockford(code: bytes, chars: int) -> str:
    """The first `chars` digits of `code` in Crockford's base 32, capitals; a multiple of eight of them."""
    return base64.b32encode(code[: chars // 8 * 5]).translate(_CROCKFORD).decode()


def pseudonyms(prf: Prf, prefix: str, values: Iterable[str]) -> dict[str, str]:
    """Every value → `PREFIX-XXXXXXXX`, one for all its spellings; an empty value stays empty."""
    spellings = {value: normalised(value) for value in set(values)}
    names = {"": "", **named(prefix, {value: prf(value.encode()) for value in {*spellings.values()} - {""}})}
    return {value: names[spelling] for value, spelling in spellings.items()}


def named(prefix: str, codes: Mapping[Key, bytes]) -> dict[Key, str]:
    """Key → prefix and the code's first eight digits.

    Where two keys of the table meet in eight digits, both get sixteen, of which the eight are the first: nobody is
    shown as somebody else.
    """
    # All in one go: the first five bytes of a code are its first eight digits.
    run = crockford(b"".join([code[:5] for code in codes.values()]), PSEUDONYM_CHARS * len(codes))
    short = {key: run[at : at + PSEUDONYM_CHARS] for key, at in zip(codes, count(0, PSEUDONYM_CHARS))}
    met = Counter(short.values())
    return {
        key: f"{prefix}-{digits if met[digits] == 1 else crockford(codes[key], LONG_PSEUDONYM_CHARS)}"
        for key, digits in short.items()
    }


def row_order(secret: bytes, digest: bytes, rows: int) -> NDArray[np.intp]:
    """The original row number for every place in the rendition: a permutation keyed on release and table.

    Row by row 64 bits of the AES-256-CTR key stream under `HMAC(secret, "order:" ‖ digest)`, a key used for nothing
    else and therefore with a counter from zero; the rows in the order of these numbers.
    """
    encryptor = Cipher(algorithms.AES256(Prf(secret)(b"order:" + digest)), modes.CTR(bytes(16))).encryptor()
    numbers = np.frombuffer(encryptor.update(bytes(8 * rows)), ">u8").astype(np.uint64)
    order = np.argsort(numbers)
    # Two rows with one number are so rare that only the outcome's being the same everywhere matters.
    drawn = numbers[order]
    return np.argsort(numbers, kind="stable") if (drawn[1:] == drawn[:-1]).any() else order
