"""Writes of the selling side, one module per act."""
