"""Owns feeders and distribution transformers, the places that energy passes through."""
