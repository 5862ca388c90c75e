"""Owns which decoded frames the model sees."""
