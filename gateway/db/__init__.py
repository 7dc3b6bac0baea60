"""One database, one metadata, one place that commits: a change and its audit entry together or not at all."""
