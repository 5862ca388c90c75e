"""Owns who is told."""
