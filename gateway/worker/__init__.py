"""Carries out what is queued: nothing is lost when a worker dies, and a late result never counts."""
