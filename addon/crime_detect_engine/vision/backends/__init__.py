"""Owns the two ways a network is run."""
