"""Receipts on paper, and the page where anybody checks one."""
