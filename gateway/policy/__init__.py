"""Turns what is in an original into decisions that a lawyer wrote: default deny, strictest wins, never file order."""
