"""Gridtill sells prepaid electricity and runs the meters that it is sold to."""

__version__ = "0.1.0"
