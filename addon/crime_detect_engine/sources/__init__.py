"""Owns where pictures come from."""
