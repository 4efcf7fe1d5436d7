"""Owns published tariffs: documents with dates and vectors, and who put each into force."""
