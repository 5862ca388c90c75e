"""Owns what is learned from many incidents at once: reports over a day or a week, and exports."""
