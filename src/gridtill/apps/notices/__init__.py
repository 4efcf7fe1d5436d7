"""Owns notices that staff write for staff, with scope and dates."""
