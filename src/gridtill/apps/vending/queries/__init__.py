"""Reads of the selling side."""
