"""Owns what a window of frames shows."""
