"""
Prepayment tokens of twenty digits: identities, decoder keys, ciphers, encoding and decoding.

Nothing here knows a database, a clock or a place where keys are kept; a vending key
comes in as bytes and is never part of a result, a representation or a message.

Source: IEC 62055-41.
"""
