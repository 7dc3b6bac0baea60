"""Bech32 (BIP 173) without its limit of 90 characters, as age writes its keys."""

from __future__ import annotations

_CHARSET = "qpzry9x8gf2tvdw0s3jn54khce6mua7l"
_GENERATORS = (0x3B6A57B2, 0x26508E6D, 0x1EA119FA, 0x3D4233DD, 0x2A1462B3)
_CHECKSUM_CHARS = 6


def encode(prefix: str, data: bytes) -> str:
    """`data` in lower case behind `prefix` and a 1."""
    bits = 8 * len(data)
    padding = -bits % 5
    number = int.from_bytes(data, "big") << padding
    digits = [number >> shift & 31 for shift in range(bits + padding - 5, -1, -5)]
    state = _polymod([*_expanded(prefix), *digits, *bytes(_CHECKSUM_CHARS)]) ^ 1
    digits += [state >> 5 * (_CHECKSUM_CHARS - 1 - place) & 31 for place in range(_CHECKSUM_CHARS)]
    return f"{prefix}1{''.join(_CHARSET[digit] for digit in digits)}"


def decode(text: str, prefix: str, size_bytes: int) -> bytes:
    """The data behind this prefix in lower-case `text`; ValueError unless it has this size and its only spelling."""
    given, one, body = text.rpartition("1")
    digits = [_CHARSET.index(char) for char in body]
    if not one or given != prefix or len(digits) < _CHECKSUM_CHARS:
        raise ValueError("not Bech32 of this kind")
    if _polymod([*_expanded(prefix), *digits]) != 1:
        raise ValueError("the checksum does not hold")
    number = 0
    for digit in digits[:-_CHECKSUM_CHARS]:
        number = number << 5 | digit
    size, padding = divmod(5 * (len(digits) - _CHECKSUM_CHARS), 8)
    data = (number >> padding).to_bytes(size, "big")
    if size != size_bytes or encode(prefix, data) != text:
        raise ValueError("another size or spelling")
    return data


def _expanded(prefix: str) -> list[int]:
    return [*(ord(char) >> 5 for char in prefix), 0, *(ord(char) & 31 for char in prefix)]


def _polymod(values: list[int]) -> int:
    state = 1
    for value in values:
        top, state = state >> 25, (state & 0x1FFFFFF) << 5 ^ value
        for bit, generator in enumerate(_GENERATORS):
            state ^= generator if top >> bit & 1 else 0
    return state
