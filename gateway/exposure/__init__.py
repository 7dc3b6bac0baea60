"""Says what one rendition of a table tells beyond what it shows, and holds it against the policy's limits."""
