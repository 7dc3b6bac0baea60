"""Proofs and keys of the log."""

from __future__ import annotations

from gateway.web.schemas.common import Out, example


class InclusionOut(Out):
    """RFC 6962: entry `index` is in the tree of the first `size` entries. Hashes are hexadecimal."""

    model_config = example(index=41, size=77, leaf_hash="9f86d081…", proof=["60303ae2…"])
    index: int
    size: int
    leaf_hash: str
    proof: list[str]


class ConsistencyOut(Out):
    """RFC 6962: the tree of `new` entries begins with that of `old`. Hashes are hexadecimal."""

    model_config = example(old=41, new=77, proof=["60303ae2…"])
    old: int
    new: int
    proof: list[str]


class KeysOut(Out):
    """The public keys that outsiders verify with, Ed25519 and ML-DSA-44 each: two verifier keys, two blocks of PEM.

    A fingerprint is the SHA-256 over both raw keys, in hexadecimal.
    """

    model_config = example(
        log_vkey="gateway+1f2e3d4c+AQ…\ngateway+5a6b7c8d+Bg…\n",
        log_pem="-----BEGIN PUBLIC KEY-----…",
        log_fingerprint="9f86d081…",
        package_pem="-----BEGIN PUBLIC KEY-----…",
        package_fingerprint="60303ae2…",
    )
    log_vkey: str
    log_pem: str
    log_fingerprint: str
    package_pem: str
    package_fingerprint: str
