"""Owns customers, their accounts and agreements, usage points and meter installations."""
