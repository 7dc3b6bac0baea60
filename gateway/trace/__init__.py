"""Promises that a leaked picture leads to the release it was made for, with a stated bound on error, or to nobody."""
