"""The till: opening, safe drops, the blind count and the signature."""
