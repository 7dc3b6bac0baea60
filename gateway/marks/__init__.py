"""Who received this copy, written into it: pure functions on pixels and for tables."""
