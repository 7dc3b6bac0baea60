"""Stores of ciphertext, each behind the BlobStore port."""
