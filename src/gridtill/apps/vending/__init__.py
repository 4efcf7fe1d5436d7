"""Owns quotes, vends, tenders, tokens, deliveries, shifts, sales documents and daily balances."""
