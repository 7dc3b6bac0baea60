"""What every room stands on: problems, ids, clock, canonical form, units, text. Standard library only."""
