"""A simulated security module that makes real tokens, and makes trouble when it is told to."""
