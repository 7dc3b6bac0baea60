"""Cryptographic formats as pure functions over bytes: what is opened here was checked first, or a problem is raised."""
