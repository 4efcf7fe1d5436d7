"""Keys in a PKCS#11 token: vending keys that never leave it, and the key that wraps others."""
