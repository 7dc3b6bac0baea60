"""Every key lives wrapped under another, the root outside the database: found, used, and destroyed by name."""
