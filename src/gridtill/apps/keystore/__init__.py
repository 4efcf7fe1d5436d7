"""Owns vending keys, wrapped at rest, and hands out token issuers that use them."""
