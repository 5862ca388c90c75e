"""Owns HTTP: the API, the WebSocket and the pages; talks to the engine through `EngineControl` only."""
