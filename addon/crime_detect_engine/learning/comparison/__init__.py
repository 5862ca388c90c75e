"""Owns networks and runs that are only compared with what is served, so that nobody has to try them again."""
