"""Every act is an entry that nobody can quietly change, drop or back-date, and a stranger can check that offline."""
