"""age files for one hybrid recipient, `mlkem768x25519` (C2SP age): ML-KEM-768 and X25519 together. Experimental.

The construction is age's own; this implementation of it, on `cryptography`'s HPKE, nobody has reviewed yet.

1. The file key (16 bytes) is sealed with HPKE: MLKEM768-X25519, HKDF-SHA256, ChaCha20Poly1305.
2. The header is authenticated with HMAC-SHA-256 under a key of the file key.
3. The payload is ChaCha20Poly1305 in chunks of 64 KiB, numbered, the last one marked.

age forbids a hybrid and a classic recipient in one file: whoever breaks the classic one reads it all. Here a file has
one recipient.
"""

from __future__ import annotations

import base64
import binascii
import hmac
from collections.abc import Iterator
from hashlib import sha256, shake_256
from secrets import token_bytes

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import hpke
from cryptography.hazmat.primitives.asymmetric.mlkem import MLKEM768PrivateKey, MLKEM768PublicKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from gateway.seal import bech32
from gateway.seal.age import BadRecipientKey, NotForThisIdentity, SealedBytesDiffer, Sink, Source

RECIPIENT_PREFIX = "age1pq"
IDENTITY_PREFIX = "age-secret-key-pq-"
_SUITE = hpke.Suite(hpke.KEM.MLKEM768_X25519, hpke.KDF.HKDF_SHA256, hpke.AEAD.CHACHA20_POLY1305)
_STANZA = b"mlkem768x25519"
_INFO = b"age-encryption.org/mlkem768x25519"
_INTRO = b"age-encryption.org/v1\n"
_MLKEM_KEY_BYTES, _X25519_KEY_BYTES = 1184, 32
_SEED_BYTES = 32
_ENCAPSULATED_BYTES = 1120
_FILE_KEY_BYTES = 16
_WRAPPED_BYTES = _FILE_KEY_BYTES + 16
_NONCE_BYTES = 16
_CHUNK_BYTES = 64 * 1024
_TAG_BYTES = 16
_COLUMNS = 64
_LINE_BYTES_MAX = 8 * 1024
_LINES_MAX = 2000


def generate_identity() -> tuple[str, str]:
    """A fresh key pair: (identity to keep secret, recipient to hand out)."""
    seed = token_bytes(_SEED_BYTES)
    post_quantum, classic = _private_halves(seed)
    raw = post_quantum.public_key().public_bytes_raw() + classic.public_key().public_bytes_raw()
    return bech32.encode(IDENTITY_PREFIX, seed).upper(), bech32.encode(RECIPIENT_PREFIX, raw)


def check_recipient(untrusted_text: str) -> None:
    """Raise `BadRecipientKey` unless this is a usable `age1pq1…`, exactly written."""
    _public_key(untrusted_text)


def encrypt_to(recipient: str, source: Source, sink: Sink) -> None:
    """Seal all of `source` to `recipient` into `sink`, streaming. Errors of either come through as they are."""
    file_key = token_bytes(_FILE_KEY_BYTES)
    sealed = _SUITE.encrypt(file_key, _public_key(recipient), _INFO)
    stanza = b"-> " + _STANZA + b" " + _b64(sealed[:_ENCAPSULATED_BYTES]) + b"\n"
    header = _INTRO + stanza + _b64(sealed[_ENCAPSULATED_BYTES:]) + b"\n---"
    nonce = token_bytes(_NONCE_BYTES)
    sink.write(header + b" " + _b64(_header_mac(file_key, header)) + b"\n" + nonce)
    cipher = ChaCha20Poly1305(_derived(file_key, nonce, b"payload"))
    for number, (chunk, last) in enumerate(_chunks(_Reader(source), _CHUNK_BYTES)):
        sink.write(cipher.encrypt(_chunk_nonce(number, last=last), chunk, None))


def decrypt_with(identity: str, source: Source, sink: Sink) -> None:
    """Open `source` with `identity` into `sink`; see `recipient.decrypt_with`."""
    key = hpke.MLKEM768X25519PrivateKey(*_private_halves(_seed(identity)))
    reader = _Reader(source)
    header, stanzas, mac = _read_header(reader)
    file_key = _file_key(stanzas, key)
    if not hmac.compare_digest(_header_mac(file_key, header), mac):
        raise _differs()
    cipher = ChaCha20Poly1305(_derived(file_key, reader.exactly(_NONCE_BYTES), b"payload"))
    for number, (chunk, last) in enumerate(_chunks(reader, _CHUNK_BYTES + _TAG_BYTES)):
        if number and len(chunk) == _TAG_BYTES:
            raise _differs()  # age ends with an empty chunk only where it is the only one
        try:
            opened = cipher.decrypt(_chunk_nonce(number, last=last), chunk, None)
        except InvalidTag as error:
            raise _differs() from error
        sink.write(opened)


class _Reader:
    """Bytes of a source in the portions that are asked for."""

    def __init__(self, source: Source) -> None:
        self._source = source
        self._held = b""

    def up_to(self, size: int) -> bytes:
        """`size` bytes, fewer only at the end."""
        while len(self._held) < size:
            more = self._source.read(max(size - len(self._held), _CHUNK_BYTES))
            if not more:
                break
            self._held += more
        taken, self._held = self._held[:size], self._held[size:]
        return taken

    def exactly(self, size: int) -> bytes:
        """`size` bytes, or `SealedBytesDiffer`."""
        data = self.up_to(size)
        if len(data) != size:
            raise _differs()
        return data

    def line(self) -> bytes:
        """The next line with its newline, or `SealedBytesDiffer`."""
        head = self.up_to(_LINE_BYTES_MAX)
        line, newline, rest = head.partition(b"\n")
        self._held = rest + self._held
        if not newline:
            raise _differs()
        return line + newline


def _read_header(reader: _Reader) -> tuple[bytes, list[tuple[list[bytes], bytes]], bytes]:
    """The bytes that the MAC is over, each stanza's arguments and body, and the MAC."""
    header = reader.line()
    if header != _INTRO:
        raise _differs()
    stanzas: list[tuple[list[bytes], bytes]] = []
    for _ in range(_LINES_MAX):
        line = reader.line()
        if line.startswith(b"--- "):
            return header + b"---", stanzas, _unb64(line[4:-1])
        if not line.startswith(b"-> "):
            raise _differs()
        arguments, body = line[3:-1].split(b" "), b""
        if not all(arguments):
            raise _differs()
        header += line
        while True:
            line = reader.line()
            header += line
            body += line[:-1]
            if len(line) <= _COLUMNS:
                break
        stanzas.append((arguments, _unb64(body)))
    raise _differs()


def _file_key(stanzas: list[tuple[list[bytes], bytes]], key: hpke.MLKEM768X25519PrivateKey) -> bytes:
    for arguments, body in stanzas:
        if arguments[0] != _STANZA:
            continue
        if len(arguments) != 2 or len(body) != _WRAPPED_BYTES:
            raise _differs()
        encapsulated = _unb64(arguments[1])
        if len(encapsulated) != _ENCAPSULATED_BYTES:
            raise _differs()
        try:
            return _SUITE.decrypt(encapsulated + body, key, _INFO)
        except (InvalidTag, ValueError):
            continue
    raise NotForThisIdentity("These bytes are sealed to another key; use the identity they are for.")


def _chunks(reader: _Reader, size: int) -> Iterator[tuple[bytes, bool]]:
    """Portions of `size` bytes, each with whether it is the last; at least one."""
    chunk = reader.up_to(size)
    while True:
        following = reader.up_to(size)
        yield chunk, not following
        if not following:
            return
        chunk = following


def _public_key(untrusted_text: str) -> hpke.MLKEM768X25519PublicKey:
    try:
        raw = bech32.decode(untrusted_text, RECIPIENT_PREFIX, _MLKEM_KEY_BYTES + _X25519_KEY_BYTES)
        post_quantum = MLKEM768PublicKey.from_public_bytes(raw[:_MLKEM_KEY_BYTES])
        classic = X25519PublicKey.from_public_bytes(raw[_MLKEM_KEY_BYTES:])
    except ValueError as error:
        raise BadRecipientKey(
            "The key is mistyped or cut short; give the recipient's whole age public key, one line that starts with "
            "age1pq1."
        ) from error
    try:
        X25519PrivateKey.generate().exchange(classic)
    except ValueError as error:
        raise BadRecipientKey(
            "Half of this key protects nothing (a point of low order); ask for a fresh one."
        ) from error
    return hpke.MLKEM768X25519PublicKey(post_quantum, classic)


def _seed(identity: str) -> bytes:
    try:
        return bech32.decode(identity.lower(), IDENTITY_PREFIX, _SEED_BYTES)
    except ValueError as error:
        raise BadRecipientKey("This is not a hybrid age identity; it starts with AGE-SECRET-KEY-PQ-1.") from error


def _private_halves(seed: bytes) -> tuple[MLKEM768PrivateKey, X25519PrivateKey]:
    expanded = shake_256(seed).digest(96)
    return MLKEM768PrivateKey.from_seed_bytes(expanded[:64]), X25519PrivateKey.from_private_bytes(expanded[64:])


def _derived(file_key: bytes, salt: bytes | None, info: bytes) -> bytes:
    return HKDF(algorithm=SHA256(), length=32, salt=salt, info=info).derive(file_key)


def _header_mac(file_key: bytes, header: bytes) -> bytes:
    return hmac.digest(_derived(file_key, None, b"header"), header, sha256)


def _chunk_nonce(number: int, *, last: bool) -> bytes:
    return number.to_bytes(11, "big") + bytes([last])


def _b64(data: bytes) -> bytes:
    return base64.b64encode(data).rstrip(b"=")


def _unb64(data: bytes) -> bytes:
    try:
        decoded = base64.b64decode(data + b"=" * (-len(data) % 4), validate=True)
    except (binascii.Error, ValueError) as error:
        raise _differs() from error
    if _b64(decoded) != data:
        raise _differs()
    return decoded


def _differs() -> SealedBytesDiffer:
    return SealedBytesDiffer("The sealed bytes are not what was sealed; ask for them again.")
