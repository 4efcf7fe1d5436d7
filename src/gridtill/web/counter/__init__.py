"""The purchase counter: find, quote, sell, hand over the token."""
