"""The gate: a finished rendition is read again with other eyes, and what is not proven clean does not leave."""
