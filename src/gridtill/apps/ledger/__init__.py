"""Owns accounts, journal entries and postings; it takes postings with a reference and knows no vends."""
