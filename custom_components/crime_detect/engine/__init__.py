"""Owns the engine's client: nothing of Home Assistant in here, the aiohttp session comes from outside."""
