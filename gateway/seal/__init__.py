<<<<<<< HEAD
"""Cryptographic formats as pure functions over bytes: what is opened here was checked first, or a problem is raised."""
=======
"""Cryptographic formats as pure functions over bytes: what is sealed here opens unchanged, or not at all."""
>>>>>>> keys
