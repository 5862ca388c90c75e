"""Owns the HTTP and WebSocket service and its pages."""
