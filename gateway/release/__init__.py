"""A package that anyone can verify: only approved bytes, what is missing and why, and the proof that it was logged."""
