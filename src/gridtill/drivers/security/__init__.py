"""
Token issuers: whatever holds vending keys and makes tokens with them.

``base`` says what every issuer does; ``software`` is the one for demonstration, simulation
and private schemes, which keeps its keys in this process.
"""
