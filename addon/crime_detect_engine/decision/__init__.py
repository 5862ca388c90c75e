"""Owns when a score becomes an incident."""
