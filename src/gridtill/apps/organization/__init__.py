"""Owns the company tree (utility, bureaus, supply offices) and the utility's own settings."""
