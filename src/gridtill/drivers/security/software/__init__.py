"""The token issuer that keeps its vending keys in this process."""
