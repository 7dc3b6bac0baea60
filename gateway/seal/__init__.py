"""Cryptographic formats as pure functions over bytes: what is sealed here opens unchanged, or not at all."""
