"""Owns the version of the crime_detect engine: camera streams in, classified incidents out."""

__version__ = "0.2.0"
