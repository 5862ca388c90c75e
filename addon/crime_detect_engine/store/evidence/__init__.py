"""Owns evidence packages: what is in one, how it is signed, and how anybody checks it without this engine."""
