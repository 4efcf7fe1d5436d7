"""Tokens made by an external security module, asked over a line."""
