"""Screens of meters, concentrators and collectors: one stack for the three kinds."""
