"""Prices as documents, and quotes that say line by line how money becomes energy. Pure."""
