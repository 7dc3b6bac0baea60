"""A witness cosigns what continues all it ever saw of a log, and learns of it origin, size and root."""
