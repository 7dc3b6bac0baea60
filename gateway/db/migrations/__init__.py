"""Revisions of the schema; each is tested up and down with data in it."""
