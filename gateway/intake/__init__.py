"""Bytes arrive: bounded, typed by content, never trusted by name, encrypted before they touch a disk."""
