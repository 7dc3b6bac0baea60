"""Original + decisions → clean rendition: nothing unproven, nothing unmarked, or a refusal with its reason."""
