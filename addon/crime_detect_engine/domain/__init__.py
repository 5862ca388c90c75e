"""Owns what every stage shares: types, ports, clock, errors; standard library and numpy only."""
