"""Exports: rows in, files out; read-only."""
