"""A demand and everything under it: what was asked, on what basis, and through whose hands each answer passes."""
