"""Owns who and what is in view over time: tracks, zones, things left behind, a camera that is tampered with."""
