"""Money, energy, time and identities that every other package speaks in. Standard library only."""
