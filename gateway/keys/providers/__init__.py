"""Holders of the root key, each behind the KeyProvider port."""
