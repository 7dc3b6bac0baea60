"""Suggests what a value is, so that a person or a policy can decide; it never decides."""
