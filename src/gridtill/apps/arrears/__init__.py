"""Owns debts that are recovered from purchases: auxiliary agreements and their balances."""
