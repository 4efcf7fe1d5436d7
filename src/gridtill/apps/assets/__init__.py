"""Owns the physical facts and stock states of meters, concentrators and collectors."""
