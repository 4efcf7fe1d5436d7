"""Owns operators, their roles and permissions, the unit that bounds them, and their sign-ins."""
