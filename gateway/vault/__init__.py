"""Bytes kept encrypted: stored whole or not at all, opened unchanged or not at all, shredded for good."""
