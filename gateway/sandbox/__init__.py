"""Hostile bytes in, pixels or typed cells out: every parse in a child that can reach nothing."""
