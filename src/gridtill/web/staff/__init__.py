"""Operators, roles, the log of writes, notices, settings, and one's own profile."""
